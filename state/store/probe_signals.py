"""What a network's store shows of a client apart from its texts: what no prompt may tell."""

from collections.abc import Sequence

from state.db.pool import Connection
from state.domain import Frozen


class Signals(Frozen):
    """How a client came to be what it is, in numbers."""

    profile_length: int
    """Characters of its profile."""
    versions: int
    """Of its profile and its filter memory."""
    messages: int
    """Received: those in its buffer, and those that a reception made something of."""


async def read_signals(conn: Connection, network: int, ids: Sequence[int]) -> dict[int, Signals]:
    """Return the signals of clients by id."""
    cursor = await conn.execute(
        """
        SELECT c.id, length(coalesce(p.content, '')) AS profile_length,
               c.profile_version + c.filter_version AS versions,
               cardinality(b.messages) + (
                   SELECT count(*) FROM filter_decisions v
                   WHERE v.network_id = c.network_id AND v.client_id = c.id
               ) AS messages
        FROM clients c
        JOIN buffers b ON b.network_id = c.network_id AND b.client_id = c.id
        LEFT JOIN module_versions p ON p.network_id = c.network_id AND p.owner = c.id
             AND p.module = c.kind || '_profile' AND p.version = c.profile_version
        WHERE c.network_id = %s AND c.id = ANY(%s)
        """,
        (network, list(ids)),
    )
    return {row.pop("id"): Signals.model_validate(row) for row in await cursor.fetchall()}
