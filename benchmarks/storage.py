"""What a database holds: the rows and bytes of its tables, checkpoints apart."""

from typing import Self

from psycopg import sql

from state.db.pool import Connection
from state.domain import Frozen
from workflows.recnet import RecNet

_CHECKPOINTS = "checkpoint"
"""What the names of the checkpoints' tables begin with."""


class Held(Frozen):
    """Rows and bytes, with indexes and long texts."""

    rows: int
    bytes: int


class Storage(Frozen):
    """What the checkpoints of the graphs take, and all other tables."""

    tables: Held
    checkpoints: Held

    def since(self, before: Self) -> "Storage":
        """Return what has come since."""
        return Storage(
            tables=_difference(self.tables, before.tables),
            checkpoints=_difference(self.checkpoints, before.checkpoints),
        )


class Stored(Storage):
    """What so many interactions have stored, with their share of the router updates."""

    update_size: int
    records: int


async def pack_storage(recnet: RecNet) -> None:
    """Write the tables anew: what comes then fills no room that something else has left."""
    async with recnet.resources.pool.connection() as conn:
        for table in sorted(await _tables(conn)):
            await conn.execute(sql.SQL("VACUUM (FULL) {}").format(sql.Identifier(table)))


async def measure_storage(recnet: RecNet) -> Storage:
    """Return what the tables of the program hold now; rows are counted, not estimated."""
    async with recnet.resources.pool.connection() as conn:
        names = await _tables(conn)
        checkpoints = {name for name in names if name.startswith(_CHECKPOINTS)}
        return Storage(
            tables=await _hold(conn, names - checkpoints),
            checkpoints=await _hold(conn, checkpoints),
        )


async def _tables(conn: Connection) -> set[str]:
    cursor = await conn.execute(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()"
    )
    return {row["name"] for row in await cursor.fetchall()}


async def _hold(conn: Connection, tables: set[str]) -> Held:
    rows = size = 0
    for table in tables:
        query = sql.SQL(
            "SELECT count(*) AS rows, pg_total_relation_size(%s::regclass) AS bytes FROM {}"
        )
        cursor = await conn.execute(query.format(sql.Identifier(table)), (table,))
        for row in await cursor.fetchall():
            rows += row["rows"]
            size += row["bytes"]
    return Held(rows=rows, bytes=size)


def _difference(after: Held, before: Held) -> Held:
    return Held(rows=after.rows - before.rows, bytes=after.bytes - before.bytes)
