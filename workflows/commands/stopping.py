"""Stopping: a first Ctrl-C or SIGTERM lets the calls under way end, a second one does not."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

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
    have ended and their replies are stored. A second one cancels it at once. Once it has ended by
    them a further one ends the process: what then is left to do only closes.

    Raises:
        StoppedError: that is how the block ended.
    """
    before = asyncio.all_tasks()
    stop = _Stop(gate, say, asyncio.current_task())
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
    """Hand signals to `stop`, for the time of the block.

    After a stop a signal has its default effect: a KeyboardInterrupt would turn up anywhere in what
    closes, as in a callback of the interpreter, which prints it and goes on.
    """
    loop = asyncio.get_running_loop()

    def ask(number: int, _: object) -> None:
        loop.call_soon_threadsafe(stop.ask, signal.Signals(number))

    before = dict[signal.Signals, Any]()
    with suppress(ValueError):  # in another thread nothing is to be heard of signals
        for one in STOPPED:
            before[one] = signal.signal(one, ask)
    try:
        yield
    finally:
        stop.end()
        for one, handler in before.items():
            signal.signal(one, handler if stop.by is None else signal.SIG_DFL)


class _Stop:
    """What signals do to a task, as long as it has not ended."""

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
        elif self._task is not None:
            self.by = by
            self._gate.close()
            self._say("stopping after the calls under way; once more stops at once")
            self._resting = asyncio.ensure_future(self._rest())

    def end(self) -> None:
        """Leave the task alone, whatever still comes: it is ending."""
        self._task = None

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
