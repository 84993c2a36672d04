"""Stopping: a first Ctrl-C or SIGTERM lets the calls under way end, a second one does not."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from prompts.gate import Gate

STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit codes: what a shell shows of a program that a signal ended."""


class StoppedError(Exception):
    """Work was stopped by a signal; what was done is stored."""

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(by)
        self.exit_code = STOPPED[by]


@contextmanager
def stoppable(gate: Gate, say: Callable[[str], None]) -> Iterator[None]:
    """Let signals stop the running task, for the time of the block.

    At the first one no further call passes the gate; the task is cancelled once those under way
    have ended and their replies are stored. A second one cancels it at once.

    Raises:
        StoppedError: that is how the block ended.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    asked: list[signal.Signals] = []
    resting: list[asyncio.Task[None]] = []

    async def rest() -> None:
        await gate.rest()
        _cancel(task)

    def stop(by: signal.Signals) -> None:
        asked.append(by)
        if len(asked) > 1:
            for waiting in resting:
                waiting.cancel()
            _cancel(task)
            return
        gate.close()
        say("stopping after the calls under way; once more stops at once")
        resting.append(asyncio.ensure_future(rest()))

    for one in STOPPED:
        with suppress(NotImplementedError, RuntimeError):  # Windows; another thread
            loop.add_signal_handler(one, stop, one)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
        raise StoppedError(asked[0]) from None
    finally:
        for one in STOPPED:
            with suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(one)
        for waiting in resting:
            waiting.cancel()


def _cancel(task: asyncio.Task[object] | None) -> None:
    if task is not None:
        task.cancel()
