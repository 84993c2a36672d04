"""Stopping: a first Ctrl-C or SIGTERM lets the calls under way end, a second one does not.

A third one has its default effect: it ends the process wherever it is.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from prompts.llm.limiter import CallLimiter

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
async def stoppable(limiter: CallLimiter, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Let signals stop the running task, for the time of the block.

    At the first one no further call passes the limiter; the task is cancelled once those under way
    have ended and their replies are stored. A second one cancels it at once. A third one, and any
    once the block has been stopped, ends the process: what is left to do then only closes.

    Raises:
        StoppedError: that is how the block ended.
    """
    before = asyncio.all_tasks()
    stop = _Stop(limiter, say, asyncio.current_task())
    try:
        with _signals_ask(stop):
            yield
    except asyncio.CancelledError:
        if stop.by is None:
            raise
        raise StoppedError(stop.by) from None
    finally:
        if stop.by is not None:
            await _end({task for task in asyncio.all_tasks() - before if not _waits(task)})


@contextmanager
def _signals_ask(stop: "_Stop") -> Iterator[None]:
    """Hand signals to `stop`, for the time of the block."""
    loop, before = asyncio.get_running_loop(), {one: signal.getsignal(one) for one in STOPPED}
    with suppress(NotImplementedError, RuntimeError):  # Windows; another thread
        for one in STOPPED:
            loop.add_signal_handler(one, stop.ask, one)
    try:
        yield
    finally:
        stop.end()
        if stop.by is None:
            _hand_to(before)
        else:
            _hand_to(dict.fromkeys(STOPPED, signal.SIG_DFL))


def _hand_to(handlers: Mapping[signal.Signals, Any]) -> None:
    """Take signals from the loop.

    Left to themselves they would be KeyboardInterrupts, which may turn up in a callback of the
    interpreter: it prints them and goes on.
    """
    with suppress(NotImplementedError):  # Windows
        for one, handler in handlers.items():
            if asyncio.get_running_loop().remove_signal_handler(one):
                signal.signal(one, handler)


class _Stop:
    """What signals do to a task, as long as it has not ended."""

    by: signal.Signals | None = None
    """The first signal."""
    _resting: asyncio.Task[None] | None = None

    def __init__(
        self, limiter: CallLimiter, say: Callable[[str], None], task: asyncio.Task[object] | None
    ) -> None:
        self._limiter = limiter
        self._say = say
        self._task = task

    def ask(self, by: signal.Signals) -> None:
        """Take a signal, the first or a second."""
        if self.by is not None:
            self._now()
            _hand_to(dict.fromkeys(STOPPED, signal.SIG_DFL))
        elif self._task is not None:
            self.by = by
            self._limiter.close()
            self._resting = asyncio.ensure_future(self._rest())
            self._say("stopping after the calls under way; once more stops at once")

    def end(self) -> None:
        """Leave the task alone, whatever still comes: it is ending."""
        self._task = None

    async def _rest(self) -> None:
        await self._limiter.rest()
        self._now()

    def _now(self) -> None:
        self._limiter.turn_away()
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
