"""Presence: how one process tells that another one still lives."""

import asyncio
import secrets

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from state.connection import connect
from state.pool import Connection

_BITS = 62  # a positive bigint


class Presence:
    """A sign that this process lives: an advisory lock on a connection of its own.

    The server drops the lock when the connection ends, however the process ended. Taken when it is
    first asked for; a process that claims nothing needs no connection for it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._conn: AsyncConnection[DictRow] | None = None
        self._sign = 0
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
            if self._conn is None:
                self._conn = await connect(self._url)
                self._sign = secrets.randbits(_BITS)
                await self._conn.execute("SELECT pg_advisory_lock(%s)", (self._sign,))
            return self._sign

    @property
    def is_shown(self) -> bool:
        """Whether the sign was ever asked for."""
        return self._conn is not None

    async def close(self) -> None:
        """Take the sign away."""
        if self._conn is not None:
            await self._conn.close()
            self._conn = None


async def is_present(conn: Connection, sign: int) -> bool:
    """Return whether the process that shows this sign lives."""
    # Of the transaction: a session that kept the lock would look like that process.
    cursor = await conn.execute("SELECT pg_try_advisory_xact_lock(%s) AS free", (sign,))
    row = await cursor.fetchone()
    return row is None or not row["free"]
