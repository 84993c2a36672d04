"""Outages: after one, what a process has left on the server is not taken for another process."""

import asyncio
import time

import psycopg
import pytest

from state.errors import NetworkError
from tests.support.tiny_network import bootstrap_tiny
from workflows.network_lock import network_lock
from workflows.recnet import RecNet
from workflows.training import recovery as outage
from workflows.training.recovery import with_database_recovery


class Work:
    """Takes a network; the first time, the connection to the database is lost meanwhile."""

    def __init__(self, recnet: RecNet, *, lost: bool) -> None:
        self.recnet = recnet
        self.lost = lost

    async def __call__(self) -> str:
        network = await self.recnet.network("tiny").record()
        if self.lost:
            self.lost = False
            raise psycopg.OperationalError("the connection is lost")
        async with network_lock(self.recnet.resources, network):
            return "done"


async def test_a_lock_that_outlives_its_connection_is_waited_for(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    resources, network = recnet.resources, await recnet.network("tiny").record()
    async with network_lock(resources, network):
        with pytest.raises(NetworkError, match="is locked by"):
            await with_database_recovery(recnet.resources, Work(recnet, lost=False), int)
        going_on = asyncio.create_task(
            with_database_recovery(recnet.resources, Work(recnet, lost=True), int)
        )
        await asyncio.sleep(0.5)
        assert not going_on.done()
    assert await asyncio.wait_for(going_on, 30) == "done"


@pytest.mark.slow
async def test_another_process_is_not_waited_for_without_end(
    recnet: RecNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    monkeypatch.setattr(outage, "_STALE_LOCK", 1.5)
    began = time.monotonic()
    async with network_lock(recnet.resources, await recnet.network("tiny").record()):
        with pytest.raises(NetworkError, match="is locked by"):
            await with_database_recovery(recnet.resources, Work(recnet, lost=True), int)
    assert time.monotonic() - began > 1.5
