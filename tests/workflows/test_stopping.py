"""A signal ends the work and what it left behind, and nothing that was there before."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest

from prompts.gate import Gate
from workflows.commands.stopping import StoppedError, stoppable


async def _tick(event: asyncio.Event) -> None:
    """Wait for an event again and again, as the scheduler of a pool of connections does."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), 0.01)


async def _be_stopped(behind: set[asyncio.Task[None]]) -> None:
    """Leave a task behind, and be told to stop."""
    async with stoppable(Gate(), lambda _: None):
        behind.add(asyncio.create_task(asyncio.sleep(60)))
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)


async def test_what_was_there_before_goes_on() -> None:
    before, behind = asyncio.create_task(_tick(asyncio.Event())), set[asyncio.Task[None]]()
    with pytest.raises(StoppedError):
        await _be_stopped(behind)
    await asyncio.sleep(0.05)
    assert all(task.cancelled() for task in behind)
    assert not before.done()
    before.cancel()
