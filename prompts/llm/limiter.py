"""The limiter of all calls to endpoints: how many at a time, and how many begin in a minute."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiolimiter import AsyncLimiter

MINUTE = 60.0

_IDLE_CHECK = 0.5
"""Seconds between two looks at whether calls are under way."""
_RECORDING_PAUSE = 2.0
"""Seconds in which a run that could not record a call ends, and cancels its other calls."""


class CallLimiter:
    """Bounds the concurrent calls, and the requests and prompt tokens that begin in a minute.

    The bounds for a minute are leaky buckets: a burst may use a whole minute's share. Tokens are
    estimated before a prompt is sent. None is no bound. After a call could not be recorded,
    `wait_for_storage` is awaited before the next request: it returns once calls can be recorded, or
    raises why they cannot. A limiter belongs to one event loop.
    """

    def __init__(
        self,
        max_concurrent: int = 8,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        *,
        wait_for_storage: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.slots = asyncio.Semaphore(max_concurrent)
        """A call holds a slot until it is recorded, its retries included.

        So a database that goes away loses no more calls than may be concurrent.
        """
        self.wait_for_storage = wait_for_storage
        self._requests = AsyncLimiter(requests_per_minute, MINUTE) if requests_per_minute else None
        self._tokens = AsyncLimiter(tokens_per_minute, MINUTE) if tokens_per_minute else None
        self._busy = 0
        self._arrived = 0
        self._closed = False
        self._cancelling = asyncio.Event()
        self._failures = self._recovered = 0  # failed recordings; how many have been recovered

    @asynccontextmanager
    async def request(self, tokens: int) -> AsyncIterator[None]:
        """Wait until a request may be sent, and send it in the block.

        Raises:
            CancelledError: the limiter is closed, and `cancel_waiting` was called.
            Exception: calls cannot be recorded; raised by `wait_for_storage`.
        """
        self._arrived += 1
        if self._requests is not None:
            await self._requests.acquire()
        if self._tokens is not None:
            await self._tokens.acquire(min(tokens, self._tokens.max_rate))
        while (failures := self._failures) > self._recovered:
            if self.wait_for_storage is not None:
                await self.wait_for_storage()
            await asyncio.sleep(_RECORDING_PAUSE)
            self._recovered = max(self._recovered, failures)
        if self._closed:
            await self._cancelling.wait()
            raise asyncio.CancelledError
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record a call in the block; `wait_idle` waits for it.

        Where it fails, other requests wait for a while: if the failure ends the run, they are
        cancelled meanwhile and cost nothing.
        """
        self._busy += 1
        try:
            yield
        except Exception:
            self._failures += 1
            raise
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Let no further request through."""
        self._closed = True

    def cancel_waiting(self) -> None:
        """Cancel all requests that wait at the closed limiter, and those that still arrive.

        A task may have lost an earlier cancellation: it must not wait for ever.
        """
        self._cancelling.set()

    async def wait_idle(self) -> None:
        """Wait until no request is under way, and the last replies have been recorded.

        What a graph stores after a call is not seen from here. A task that has stored it goes on to
        its next request, so this returns a moment after the last request arrived.
        """
        arrived = None
        while self._busy or arrived != self._arrived:
            arrived = self._arrived
            await asyncio.sleep(_IDLE_CHECK)
