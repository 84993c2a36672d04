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
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from state.db.pool import Connection

Row = Mapping[str, Any]

_FETCHED = 2_000
"""Rows that are held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that the dump holds of one table, and the order of its rows."""

    keys: tuple[str, ...]
    """They tell which row of one network is which row of another."""
    values: tuple[str, ...]
    order: str
    """By the keys, texts by code point."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the dump, keys first."""
        return self.keys + self.values


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
        ("id",), ("module", "owner", "version", "body", "attributes", "window_id"), "id"
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
        ("window_id", "accepted", "rule", "reason"),
        'interaction_id COLLATE "C", client_id, message_id',
    ),
    "gradients": Table(
        ("interaction_id", "module", "owner"),
        (
            "version", "reward", "suggestion", "status", "rejected_because", "applied_to",
            "applied_version",
        ),
        'interaction_id COLLATE "C", module, owner',
    ),
    "pending_clients": Table(("client_id",), (), "client_id"),
    "windows": Table(("id",), ("members", "done", "recipients", "claimed_by"), "id"),
}  # fmt: skip
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
    table = DUMP[name]
    statement = sql.SQL("SELECT {} FROM {} WHERE network_id = %s ORDER BY {}").format(
        sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        sql.Identifier(name),
        sql.SQL(table.order),
    )
    async with conn.cursor(name=f"{name}_{network}") as cursor:
        cursor.itersize = _FETCHED
        await cursor.execute(statement, (network,))
        async for row in cursor:
            yield row
