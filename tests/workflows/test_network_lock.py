"""The network lock: it is free as soon as it is released."""

import asyncio
from contextlib import suppress

import pytest

from state.db.locks import lock_holder
from state.db.pool import Connection
from state.errors import NetworkError
from tests.support.tiny_network import bootstrap_tiny
from workflows.network_lock import network_lock
from workflows.recnet import RecNet


async def is_held(conn: Connection, network: int) -> bool:
    """Return whether any process holds the lock of a network."""
    return await lock_holder(conn, f"{network}/network") is not None


async def test_a_lock_that_was_released_is_free_at_once(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    network = await recnet.network("tiny").record()
    async with recnet.resources.pool.connection() as conn:
        for _ in range(50):
            async with network_lock(recnet.resources, network):
                assert await is_held(conn, network.id)
            assert not await is_held(conn, network.id)


async def test_the_lock_of_a_run_that_was_cancelled_is_free_at_once(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    network = await recnet.network("tiny").record()
    held = asyncio.Event()

    async def hold() -> None:
        async with network_lock(recnet.resources, network):
            held.set()
            await asyncio.Event().wait()

    async with recnet.resources.pool.connection() as conn:
        for _ in range(50):
            holding = asyncio.create_task(hold())
            await held.wait()
            held.clear()
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding
            assert not await is_held(conn, network.id)


async def test_a_refused_run_takes_nothing_away(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    network = await recnet.network("tiny").record()
    async with network_lock(recnet.resources, network):
        for _ in range(2):
            with pytest.raises(NetworkError, match="is locked by"):
                async with network_lock(recnet.resources, network):
                    pass
