"""The pool of database connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from state.db.connection import connect, connection_options
from state.db.migrate import SCHEMA, migrate
from state.errors import DatabaseError

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

_WAIT_SECONDS = 10.0
"""How long to wait for a connection; a longer wait means that something is wrong."""
_IDLE_SECONDS = 10.0
"""How long an idle connection is kept; other processes may be short of connections."""
_AGAIN_SECONDS = 1.0
"""How long to wait after a wait in vain: a run that ends asks several times in a row."""


class _Pool(AsyncConnectionPool[Connection]):
    """A pool that waits only shortly for a connection once a full wait was in vain."""

    _in_vain = False

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - theirs
        if timeout is None and self._in_vain:
            timeout = _AGAIN_SECONDS
        cancelled = _cancellations()
        try:
            conn = await super().getconn(timeout)
        except PoolTimeout:
            self._in_vain = True
            raise
        self._in_vain = False
        if _cancellations() > cancelled:
            # The pool uses asyncio.wait_for, which before Python 3.12 loses a cancellation that
            # comes at the same moment as the connection.
            await self.putconn(conn)
            raise asyncio.CancelledError
        return conn

    async def putconn(self, conn: Connection) -> None:
        """Return a connection, even if the run that had it is cancelled once more."""
        await asyncio.shield(super().putconn(conn))


async def require_database(pool: Pool) -> None:
    """Check that the database answers, and drop broken connections.

    Raises:
        OperationalError: it does not answer.
    """
    await pool.check()
    async with pool.connection() as conn:
        await conn.execute("SELECT 1")


def _cancellations() -> int:
    """Return how often the running task was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


@asynccontextmanager
async def open_pool(url: str, size: int) -> AsyncIterator[Pool]:
    """Open a pool on a migrated database; vectors travel in binary, rows are dictionaries.

    Raises:
        DatabaseError: the server cannot be reached, lacks pgvector, or is newer than the program;
            later, no connection came free in time.
    """
    await migrate(url)
    pool = _Pool(
        url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=_WAIT_SECONDS,
        # The pauses between retries double; after this the next caller starts again.
        reconnect_timeout=_WAIT_SECONDS,
        max_idle=_IDLE_SECONDS,
        configure=register_vector_async,
        kwargs={"autocommit": True, "row_factory": dict_row, **connection_options(url, SCHEMA)},
    )
    try:
        await pool.open(wait=True, timeout=_WAIT_SECONDS)
        yield pool
    except PoolTimeout as error:
        await _raise_why(url, size, error)
    finally:
        await pool.close()


async def _raise_why(url: str, size: int, error: PoolTimeout) -> NoReturn:
    """Raise the reason why no connection came, which the pool does not tell.

    Raises:
        DatabaseError: the server refuses a new connection, or all of the pool are in use.
    """
    await (await connect(url, wait=False)).close()
    raise DatabaseError(
        f"none of the {size} database connections came free within {_WAIT_SECONDS:.0f} s: "
        "raise RECNET_CONNECTIONS, or lower the concurrency"
    ) from error
