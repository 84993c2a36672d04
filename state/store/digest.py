"""The digest of a network: a hash of its canonical dump.

Two networks are the same when their digests are. The dump holds clients, module versions,
attributes, routers, messages, buffers, interactions, filter decisions, gradients, pending set and
windows, each in a fixed order. It leaves out what does not make a network: its name and number,
settings, clocks, usage, cached views, checkpoints, the data set's events, and embeddings, which
follow from texts. `docs/digest.md` specifies the canonical form.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString, NamedTuple

from psycopg import sql

from state.db.pool import Connection

Row = Mapping[str, Any]


class Table(NamedTuple):
    """The columns that the dump holds of one table; its rows are ordered by the keys."""

    keys: tuple[LiteralString, ...]
    """They tell which row of one network is which row of another."""
    values: tuple[LiteralString, ...]
    order: LiteralString

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the dump, keys first."""
        return self.keys + self.values


def _table(order: LiteralString, values: LiteralString = "") -> Table:
    """Return a table whose rows are in this order; texts are ordered by code point."""
    keys = order.replace(' COLLATE "C"', "").split(", ")
    return Table(tuple(keys), tuple(values.split()), order)


DUMP = {
    "clients": _table(
        "id", "kind key title category profile_version filter_version profile_pinned filter_pinned"
    ),
    "client_vectors": _table("client_id", "attributes"),
    # The four module names have one order in every collation.
    "module_versions": _table(
        "module, owner, version", "content author interaction_id window_id note"
    ),
    "attributes": _table("id", "phrase"),
    "routers": _table("id", "version attributes heirs pinned"),
    "messages": _table("id", "module owner version body attributes window_id"),
    "buffers": _table("client_id", "messages"),
    "interactions": _table(
        'id COLLATE "C"', "user_id positive_id negative_id predicted_id reward reason failure"
    ),
    "filter_decisions": _table(
        'interaction_id COLLATE "C", client_id, message_id', "window_id accepted rule reason"
    ),
    "gradients": _table(
        'interaction_id COLLATE "C", module, owner',
        "version reward suggestion status rejected_because applied_to applied_version",
    ),
    "pending_clients": _table("client_id"),
    "windows": _table("id", "members done recipients claimed_by"),
}
"""The tables of the dump in their order."""


async def digest_network(conn: Connection, network: int) -> str:
    """Return the digest of a network as 64 hexadecimal digits."""
    async with one_moment(conn):
        return await hash_dump(conn, network)


@asynccontextmanager
async def one_moment(conn: Connection) -> AsyncIterator[None]:
    """Read everything inside the block from one snapshot of the database."""
    async with conn.transaction():
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


async def hash_dump(conn: Connection, network: int) -> str:
    """Return the digest of a network as it is in the transaction of `one_moment`."""
    digest = hashlib.sha256()
    for name, table in DUMP.items():
        digest.update(f"\n[{name}]\n".encode())
        async for row in read_rows(conn, network, name):
            values = [row[column] for column in table.columns]
            line = json.dumps(values, ensure_ascii=True, separators=(",", ":"))
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


async def read_rows(conn: Connection, network: int, name: str) -> AsyncIterator[Row]:
    """Yield what the dump holds of one table, row by row, inside a transaction."""
    columns = sql.SQL(", ").join(map(sql.Identifier, DUMP[name].columns))
    statement = sql.SQL("SELECT {} FROM {} WHERE network_id = %s ORDER BY {}").format(
        columns, sql.Identifier(name), sql.SQL(DUMP[name].order)
    )
    async with conn.cursor(name=f"{name}_{network}") as cursor:
        cursor.itersize = 2_000  # rows in memory at a time
        await cursor.execute(statement, (network,))
        async for row in cursor:
            yield row
