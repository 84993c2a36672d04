"""Stopping by Ctrl-C or SIGTERM: the first lets calls under way end, the second cancels them.

The third has its default effect: it kills the process.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from prompts.llm.limiter import CallLimiter

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""What a shell shows for a program that the signal ended."""


class StoppedError(Exception):
    """A signal stopped the work; what was done is stored."""

    def __init__(self, received: signal.Signals) -> None:
        super().__init__(received)
        self.exit_code = EXIT_CODES[received]


@asynccontextmanager
async def stoppable(limiter: CallLimiter, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Let signals stop the block, which then raises StoppedError.

    After the first one the limiter lets no further call pass, and the block is cancelled once the
    calls under way have ended and their replies are stored.
    """
    loop, block, tasks = asyncio.get_running_loop(), asyncio.current_task(), asyncio.all_tasks()
    handlers = {number: signal.getsignal(number) for number in EXIT_CODES}
    received: list[signal.Signals] = []

    def receive(number: signal.Signals) -> None:
        received.append(number)
        if len(received) == 1:
            limiter.close()
            loop.create_task(drain())
            say("stopping after the calls under way; once more stops at once")
        else:
            cancel()
            _restore(loop, dict.fromkeys(EXIT_CODES, signal.SIG_DFL))

    async def drain() -> None:
        await limiter.wait_idle()
        cancel()

    def cancel() -> None:
        limiter.cancel_waiting()
        if block is not None:
            block.cancel()

    with suppress(NotImplementedError, RuntimeError):  # Windows; not the main thread
        for number in EXIT_CODES:
            loop.add_signal_handler(number, receive, number)
    try:
        yield
    except asyncio.CancelledError:
        if not received:
            raise
        raise StoppedError(received[0]) from None
    finally:
        _restore(loop, dict.fromkeys(EXIT_CODES, signal.SIG_DFL) if received else handlers)
        if received:
            await _cancel({task for task in asyncio.all_tasks() - tasks if not _waits(task)})


def _restore(loop: asyncio.AbstractEventLoop, handlers: Mapping[signal.Signals, Any]) -> None:
    with suppress(NotImplementedError):  # Windows
        for number, handler in handlers.items():
            if loop.remove_signal_handler(number):
                signal.signal(number, handler)


def _waits(task: asyncio.Task[object]) -> bool:
    """Return whether a task only waits for an event; whatever waits for that ends it.

    Before Python 3.12 asyncio.wait_for makes such a task each time, so older tasks, such as the
    scheduler of the connection pool, have new ones.
    """
    return getattr(task.get_coro(), "__qualname__", "") == asyncio.Event.wait.__qualname__


async def _cancel(tasks: set[asyncio.Task[object]]) -> None:
    """End the tasks that a graph leaves behind when it is cancelled more than once."""
    for task in tasks:
        task.cancel()
    if tasks:  # after five seconds their connections are closed all the same
        done, _ = await asyncio.wait(tasks, timeout=5.0)
        for task in done:
            if not task.cancelled():
                task.exception()  # retrieved, or asyncio logs it
