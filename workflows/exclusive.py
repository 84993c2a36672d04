"""One at a time: who trains a network, or changes it by hand, holds it for as long as it lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from state.connection import connect
from state.errors import NetworkError
from state.store.networks import Network

_LOCK_CLASS = 26_012


@asynccontextmanager
async def only_trainer(url: str, network: Network) -> AsyncIterator[None]:
    """Hold a network for one process: two drivers would feed the same records twice, and plan from
    what the other changes.

    The lock has a connection of its own, or many runs in one process would drain the pool.

    Raises:
        NetworkError: another process holds it.
        DatabaseError: the server allows no further connection.
    """
    async with await connect(url) as conn:
        cursor = await conn.execute(
            "SELECT pg_try_advisory_lock(%s, %s) AS held", (_LOCK_CLASS, network.id)
        )
        row = await cursor.fetchone()
        if row is None or not row["held"]:
            raise NetworkError(
                f"network '{network.name}' is being trained or changed by another process: "
                "wait for it, or stop it"
            )
        yield  # closing the connection releases the lock
