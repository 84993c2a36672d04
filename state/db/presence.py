"""Presence: how one process tells that another one still lives."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from state.db.connection import connect, part
from state.db.pool import Connection
from state.errors import DatabaseError

_BITS = 62  # a positive bigint


class Presence:
    """A sign that this process lives: an advisory lock on a connection of its own.

    The server drops the lock when the connection ends, however the process ended; within a minute
    where the machine or the network is gone. Taken when it is first asked for: a process that only
    reads needs no connection for it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._conn: AsyncConnection[DictRow] | None = None
        self._sign = 0
        self._over = False
        self._turn = asyncio.Lock()

    async def sign(self) -> int:
        """Return this process's sign; another one where its connection was lost meanwhile.

        Raises:
            DatabaseError: the server allows no further connection.
        """
        async with self._turn:
            if self._conn is not None:
                try:
                    await self._conn.execute("SELECT 1")
                except psycopg.OperationalError:
                    self._conn = None
            await self._shown()
            return self._sign

    async def ask(
        self, statement: LiteralString, values: Sequence[object], *, anew: bool = True
    ) -> list[DictRow]:
        """Run a statement on the connection of the sign: what it locks goes with the process.

        Where there is no connection, one is opened `anew`, or nothing is run.

        Raises:
            OperationalError: the connection is lost; the next statement has another one.
            DatabaseError: the server allows no further connection.
        """
        async with self._turn:
            if self._conn is not None and self._conn.closed:
                self._conn = None
            if self._conn is None and not anew:
                return []
            conn = await self._shown()
        return await (await conn.execute(statement, values)).fetchall()

    async def _shown(self) -> AsyncConnection[DictRow]:
        if self._over:
            raise DatabaseError("the connections of this process are closed")
        if self._conn is None:
            self._conn, self._sign = await self._show()
        return self._conn

    async def _show(self) -> tuple[AsyncConnection[DictRow], int]:
        conn, sign = await connect(self._url), secrets.randbits(_BITS)
        try:
            await conn.execute("SELECT pg_advisory_lock(%s)", (sign,))
        except BaseException:
            await conn.close()
            raise
        return conn, sign

    @property
    def shown(self) -> int | None:
        """The sign, where it was ever asked for."""
        return None if self._conn is None or self._conn.closed else self._sign

    async def close(self) -> None:
        """Take the sign away, for good: what a cancelled run left behind opens none again."""
        async with self._turn:
            self._over = True
            if self._conn is not None:
                await part(self._conn)
                self._conn = None


async def is_present(conn: Connection, sign: int) -> bool:
    """Return whether the process that shows this sign lives."""
    # Of the transaction and shared: who keeps the lock, or only asks, must not look like it.
    cursor = await conn.execute("SELECT pg_try_advisory_xact_lock_shared(%s) AS free", (sign,))
    row = await cursor.fetchone()
    return row is None or not row["free"]
