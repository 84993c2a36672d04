"""The network lock: one process at a time trains a network, edits it by hand or drops it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from nodes.resources import Resources
from state.db.locks import lock_holder
from state.errors import NetworkError
from state.store.networks import NetworkRecord

VerifyLock = Callable[[], Awaitable[None]]
"""Raises psycopg.OperationalError if the connection was lost, and with it the lock."""


@asynccontextmanager
async def network_lock(resources: Resources, network: NetworkRecord) -> AsyncIterator[VerifyLock]:
    """Hold the lock of a network for the time of the block.

    Raises:
        NetworkError: another process, or another task of this one, holds it; names the process.
        DatabaseError: the server allows no further connection.
    """
    name, lock = f"{network.id}/network", object()
    if not await resources.locks.acquire(lock, [name], wait=0, keep=None):
        async with resources.pool.connection() as conn:
            holder = await lock_holder(conn, name) or "another process"
        raise NetworkError(
            f"network '{network.name}' is locked by {holder}: wait for it, or stop it"
        )
    try:
        yield partial(resources.locks.verify, lock)
    finally:
        await resources.locks.release(lock)
