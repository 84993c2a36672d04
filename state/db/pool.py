"""The pool of database connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
_AGAIN_SECONDS = 1.0
"""How long to wait after a wait in vain: a run that ends asks several times in a row."""


class _Pool(AsyncConnectionPool[Connection]):
    """A pool that waits only shortly for a connection once a full wait was in vain."""

    _in_vain = False

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - theirs
        if timeout is None and self._in_vain:
            timeout = _AGAIN_SECONDS
        task = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        try:
            conn = await super().getconn(timeout)
        except PoolTimeout:
            self._in_vain = True
            raise
        self._in_vain = False
        if task and task.cancelling() > cancelled:
            # The pool uses asyncio.wait_for, which before Python 3.12 loses a cancellation that
            # comes at the same moment as the connection.
            await self.putconn(conn)
            raise asyncio.CancelledError
        return conn

    async def putconn(self, conn: Connection) -> None:
        """Return a connection, even if the run that had it is cancelled once more."""
        await asyncio.shield(super().putconn(conn))


async def require_database(pool: Pool) -> None:
    """Drop broken connections; an OperationalError where the database does not answer."""
    await pool.check()
    async with pool.connection() as conn:
        await conn.execute("SELECT 1")


@asynccontextmanager
async def open_pool(url: str, size: int) -> AsyncIterator[Pool]:
    """Open a pool on a migrated database; vectors travel in binary, rows are dictionaries.

    Errors are those of `migrate`; later, a DatabaseError says that no connection came free in time.
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
        max_idle=10.0,  # other processes may be short of connections
        configure=register_vector_async,
        kwargs={"autocommit": True, "row_factory": dict_row, **connection_options(url, SCHEMA)},
    )
    try:
        await pool.open(wait=True, timeout=_WAIT_SECONDS)
        yield pool
    except PoolTimeout as error:
        # The pool does not say why: where the server refuses a new connection, this raises that.
        await (await connect(url, wait=False)).close()
        raise DatabaseError(
            f"none of the {size} database connections came free within {_WAIT_SECONDS:.0f} s: "
            "raise RECNET_CONNECTIONS, or lower the concurrency"
        ) from error
    finally:
        await pool.close()
