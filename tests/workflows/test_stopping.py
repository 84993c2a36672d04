"""A signal ends the work and what it left behind, and nothing that was there before."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from prompts.llm.limiter import CallLimiter
from tests.support.paths import ROOT
from workflows.commands.signals import EXIT_CODES, StoppedError, stoppable


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Give signals back the effect that they have in tests."""
    before = {one: signal.getsignal(one) for one in EXIT_CODES}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


async def _tick(event: asyncio.Event) -> None:
    """Wait for an event again and again, as the scheduler of a pool of connections does."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), 0.01)


async def _be_stopped(behind: set[asyncio.Task[None]]) -> None:
    """Leave a task behind, and be told to stop."""
    async with stoppable(CallLimiter(), lambda _: None):
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


async def test_a_signal_at_the_last_moment_does_not_cut_the_end_short() -> None:
    behind = set[asyncio.Task[None]]()
    async with stoppable(CallLimiter(), lambda _: None):
        behind.add(asyncio.create_task(asyncio.sleep(60)))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
    assert all(task.cancelled() for task in behind)


async def test_signals_after_work_that_nothing_stopped_are_as_before() -> None:
    before = [signal.getsignal(one) for one in EXIT_CODES]
    async with stoppable(CallLimiter(), lambda _: None):
        assert [signal.getsignal(one) for one in EXIT_CODES] != before
    assert [signal.getsignal(one) for one in EXIT_CODES] == before


_STUBBORN = """
import asyncio, sys
from prompts.llm.limiter import CallLimiter
from workflows.commands.signals import stoppable

async def main():
    async with stoppable(CallLimiter(), lambda said: print(said, flush=True)):
        work = asyncio.create_task(never_end())
        await asyncio.sleep(0)
        print("begun", flush=True)
        await (work if "itself" in sys.argv else asyncio.sleep(60))
        await never_end()

async def never_end():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("ending", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", EXIT_CODES)
@pytest.mark.parametrize(
    ("what", "signals"), [("itself", 3), ("what it left behind", 2)], ids=["itself", "left"]
)
def test_a_signal_more_ends_what_is_ending_without_a_word(
    what: str, signals: int, number: signal.Signals
) -> None:
    words = [sys.executable, "-c", _STUBBORN, what]
    with subprocess.Popen(  # noqa: S603 - ours
        words,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        for awaited in ("begun\n", "ending\n", "ending\n")[:signals]:
            while (line := process.stdout.readline()) != awaited:
                assert line
            process.send_signal(number)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (-number, "")
