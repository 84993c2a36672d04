"""One trainer a network: a session lock, held outside the pool for as long as a run lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection

from state.errors import NetworkError
from state.store.networks import Network

_LOCK_CLASS = 26_012


@asynccontextmanager
async def only_trainer(url: str, network: Network) -> AsyncIterator[None]:
    """Hold a network for one process: two drivers would feed the same records twice.

    The lock has a connection of its own, or many runs in one process would drain the pool.

    Raises:
        NetworkError: another process holds it.
    """
    async with await AsyncConnection.connect(url, autocommit=True) as conn:
        cursor = await conn.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, network.id)
        )
        row = await cursor.fetchone()
        if row is None or not row[0]:
            raise NetworkError(
                f"network '{network.name}' is being trained by another process: wait for it, "
                "or stop it"
            )
        yield  # closing the connection releases the lock
