"""The digest of a network: a hash of its canonical dump.

Two networks are the same when their digests are. The dump holds clients, module versions,
attributes, routers, messages, buffers, interactions, filter decisions, gradients, pending set and
windows,
each in a fixed order. It leaves out what does not make a network: its name and number, settings,
clocks, usage, cached views, checkpoints, the data set's events, and embeddings, which follow from
texts. `docs/digest.md` tells the canonical form exactly.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from state.db.pool import Connection

Row = Mapping[str, Any]

_FETCHED = 2_000
"""Rows that are held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Table:
    """What the dump holds of one table; a row's columns come in this order, keys first."""

    keys: tuple[str, ...]
    """They tell which row of one network is which row of another."""
    values: tuple[str, ...]
    order: str
    """The order of the rows: by their keys, texts by code point."""
    later: Mapping[str, object] = field(default_factory=dict)
    """Columns that came later, with what they hold in a network that has no use for them: a row
    that holds just that is dumped without them, as it was before there were any."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are dumped."""
        return self.keys + self.values + tuple(self.later)

    def line(self, row: Row) -> list[object]:
        """Return what the dump says of a row."""
        plain = all(row[name] == value for name, value in self.later.items())
        return [row[name] for name in (self.keys + self.values if plain else self.columns)]


DUMP = {
    "clients": Table(
        ("id",), ("kind", "key", "title", "category", "profile_version", "filter_version",
         "profile_pinned", "filter_pinned"), "id",
    ),
    "client_vectors": Table(("client_id",), ("attributes",), "client_id"),
    "module_versions": Table(
        ("module", "owner", "version"),
        ("content", "author", "interaction_id", "window_id", "note"),
        "module, owner, version",  # the four module names have one order in every collation
    ),
    "attributes": Table(("id",), ("phrase",), "id"),
    "routers": Table(("id",), ("version", "attributes", "heirs", "pinned"), "id"),
    "messages": Table(
        ("id",), ("owner", "version", "window_id", "taken"), "id",
        {"module": "router", "body": None},
    ),
    "buffers": Table(("client_id",), ("messages",), "client_id"),
    "interactions": Table(
        ("id",),
        (
            "user_id", "positive_id", "negative_id", "predicted_id", "reward", "reason", "failure",
        ),
        'id COLLATE "C"',
    ),
    "filter_decisions": Table(
        ("interaction_id", "client_id", "message_id"),
        ("taken", "rule", "reason"),
        'interaction_id COLLATE "C", client_id, message_id',
        {"window_id": None},
    ),
    "gradients": Table(
        ("interaction_id", "module", "owner"),
        ("version", "reward", "suggestion", "status", "why", "applied_to", "applied_version"),
        'interaction_id COLLATE "C", module, owner',
    ),
    "pending": Table(("client_id",), (), "client_id"),
    "windows": Table(("id",), ("members", "done", "recipients", "claimed_by"), "id"),
}  # fmt: skip
"""The tables of the dump in their order. A new column of a table is a `later` one."""


async def digest_network(conn: Connection, network: int) -> str:
    """Return the digest of a network as 64 hexadecimal digits."""
    async with one_moment(conn):
        return await hash_dump(conn, network)


@asynccontextmanager
async def one_moment(conn: Connection) -> AsyncIterator[None]:
    """Let everything that is read inside the block be of one moment."""
    async with conn.transaction():
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


async def hash_dump(conn: Connection, network: int) -> str:
    """Return the digest of a network as it is in the transaction of `one_moment`."""
    digest = hashlib.sha256()
    for table, network_settings in DUMP.items():
        digest.update(f"\n[{table}]\n".encode())
        async for row in read_rows(conn, network, table):
            line = json.dumps(network_settings.line(row), ensure_ascii=True, separators=(",", ":"))
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


async def read_rows(conn: Connection, network: int, table: str) -> AsyncIterator[Row]:
    """Yield what the dump holds of one table, row by row, inside a transaction."""
    network_settings = DUMP[table]
    statement = sql.SQL("SELECT {} FROM {} WHERE network_id = %s ORDER BY {}").format(
        sql.SQL(", ").join(map(sql.Identifier, network_settings.columns)),
        sql.Identifier(table),
        sql.SQL(network_settings.order),
    )
    async with conn.cursor(name=f"{table}_{network}") as cursor:
        cursor.itersize = _FETCHED
        await cursor.execute(statement, (network,))
        async for row in cursor:
            yield row
