"""Holding a network: it is free at once when it was let go."""

import asyncio
from contextlib import suppress

import pytest

from state.db.pool import Connection
from state.errors import NetworkError
from tests.support.tiny_network import bootstrap_tiny
from workflows.network_lock import only_trainer
from workflows.recnet import RecNet


async def is_held(conn: Connection, network: int) -> bool:
    """Return whether anybody holds a network: asked on a connection that is open, which is fast."""
    cursor = await conn.execute(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND objid = %s",
        (network,),
    )
    return await cursor.fetchone() is not None


async def test_a_network_that_was_let_go_is_free_at_once(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    network = await recnet.network("tiny").record()
    async with recnet.resources.pool.connection() as conn:
        for _ in range(50):
            async with only_trainer(recnet.resources, network):
                assert await is_held(conn, network.id)
            assert not await is_held(conn, network.id)


async def test_a_network_is_free_at_once_when_who_held_it_was_cancelled(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    network = await recnet.network("tiny").record()
    held = asyncio.Event()

    async def hold() -> None:
        async with only_trainer(recnet.resources, network):
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


async def test_who_is_refused_takes_nothing_away(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    network = await recnet.network("tiny").record()
    async with only_trainer(recnet.resources, network):
        for _ in range(2):
            with pytest.raises(NetworkError, match="is held by"):
                async with only_trainer(recnet.resources, network):
                    pass
