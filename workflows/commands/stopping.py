"""Stopping: a first Ctrl-C or SIGTERM lets the calls under way end, a second one does not."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from prompts.gate import Gate

STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit codes: what a shell shows of a program that a signal ended."""


class StoppedError(Exception):
    """Work was stopped by a signal; what was done is stored."""

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(by)
        self.exit_code = STOPPED[by]


_SECONDS_LEFT = 5.0
"""How long what a graph left behind may take to end, before its connections are closed."""


@asynccontextmanager
async def stoppable(gate: Gate, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Let signals stop the running task, for the time of the block.

    At the first one no further call passes the gate; the task is cancelled once those under way
    have ended and their replies are stored. A second one cancels it at once.

    Raises:
        StoppedError: that is how the block ended.
    """
    loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
    stop = _Stop(gate, say, asyncio.current_task())
    for one in STOPPED:
        with suppress(NotImplementedError, RuntimeError):  # Windows; another thread
            loop.add_signal_handler(one, stop.ask, one)
    try:
        yield
    except asyncio.CancelledError:
        if stop.by is None:
            raise
        raise StoppedError(stop.by) from None
    finally:
        for one in STOPPED:
            with suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(one)
        if stop.by is not None:
            await _end({task for task in asyncio.all_tasks() - before if not _waits(task)})


class _Stop:
    """What signals do to a task."""

    by: signal.Signals | None = None
    """The first signal."""
    _resting: asyncio.Task[None] | None = None

    def __init__(
        self, gate: Gate, say: Callable[[str], None], task: asyncio.Task[object] | None
    ) -> None:
        self._gate = gate
        self._say = say
        self._task = task

    def ask(self, by: signal.Signals) -> None:
        if self.by is not None:
            self._now()
            return
        self.by = by
        self._gate.close()
        self._say("stopping after the calls under way; once more stops at once")
        self._resting = asyncio.ensure_future(self._rest())

    async def _rest(self) -> None:
        await self._gate.rest()
        self._now()

    def _now(self) -> None:
        self._gate.turn_away()
        if self._task is not None:
            self._task.cancel()


def _waits(task: asyncio.Task[object]) -> bool:
    """Return whether a task only waits for an event: whoever asked for it ends it.

    Before Python 3.12 asyncio.wait_for makes one each time, so those of what was there before the
    block, as the scheduler of the pool of connections, are new ones.
    """
    return getattr(task.get_coro(), "__qualname__", "") == asyncio.Event.wait.__qualname__


async def _end(left: set[asyncio.Task[object]]) -> None:
    """End the tasks that a graph leaves behind which is cancelled more than once."""
    for task in left:
        task.cancel()
    if left:
        done, _ = await asyncio.wait(left, timeout=_SECONDS_LEFT)
        for task in done:
            if not task.cancelled():
                task.exception()  # looked at, so that nobody tells of it
