"""The vocabulary: equal attributes share one id in a network."""

from collections.abc import Sequence

import numpy as np
from pydantic import ConfigDict

from state.db.pool import Connection
from state.db.query import fetch_all, insert_rows
from state.domain import Frozen
from state.vectors import Vector, as_array


class Vocabulary(Frozen):
    """All attributes known to a network, by id."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    ids: tuple[int, ...]
    phrases: tuple[str, ...]
    vectors: Vector
    """Unit rows, one for each id."""


async def read_phrases(conn: Connection, network: int, ids: Sequence[int]) -> dict[int, str]:
    """Return the phrases of the given attributes by id."""
    query = "SELECT id, phrase FROM attributes WHERE network_id = %s AND id = ANY(%s)"
    rows = await fetch_all(conn, query, (network, list(ids)))
    return {row["id"]: row["phrase"] for row in rows}


async def read_vocabulary(conn: Connection, network: int) -> Vocabulary:
    """Return the whole vocabulary with its vectors."""
    query = "SELECT id, phrase, embedding FROM attributes WHERE network_id = %s ORDER BY id"
    rows = await fetch_all(conn, query, (network,), binary=True)
    vectors = [as_array(row["embedding"]) for row in rows]
    return Vocabulary(
        ids=tuple(row["id"] for row in rows),
        phrases=tuple(row["phrase"] for row in rows),
        vectors=np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32),
    )


async def add_attributes(
    conn: Connection, network: int, rows: Sequence[tuple[int, str, Vector]]
) -> None:
    """Add attributes (id, phrase, unit vector) to the vocabulary."""
    columns = "network_id, id, phrase, embedding"
    await insert_rows(conn, "attributes", columns, [(network, *row) for row in rows])
