"""The limiter of all calls to endpoints: how many at a time, and how many begin in a minute."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from weakref import WeakKeyDictionary

from aiolimiter import AsyncLimiter

MINUTE = 60.0

URGENCY: ContextVar[int] = ContextVar("urgency", default=0)
"""How much work waits for the current task: of waiting requests, the most urgent goes first."""

_IDLE_CHECK = 0.5
"""Seconds between two looks at whether calls are under way."""
_RECORDING_PAUSE = 2.0
"""Seconds in which a run that could not record a call ends, and cancels its other calls."""


class _PrioritySemaphore:
    """A semaphore that lets the most urgent waiter in first, and equals in their order."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._arrivals = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (-URGENCY.get(), next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the slot was handed over at that moment
                self.release()
            raise

    def release(self) -> None:
        while self._waiting:
            turn = heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


@dataclass(slots=True)
class _Bounds:
    """The bounds of one event loop."""

    slots: _PrioritySemaphore
    requests: AsyncLimiter | None
    tokens: AsyncLimiter | None


@dataclass(slots=True, eq=False)
class CallLimiter:
    """Bounds the concurrent calls, and the requests and prompt tokens that begin in a minute.

    The bounds for a minute are leaky buckets: a burst may use a whole minute's share. Tokens are
    estimated before a prompt is sent. None is no bound. After a call could not be recorded,
    `wait_for_storage` is awaited before the next one: it returns once calls can be recorded, or
    raises why they cannot.
    """

    max_concurrent: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    wait_for_storage: Callable[[], Awaitable[None]] | None = field(
        default=None, kw_only=True, repr=False
    )
    _busy: int = field(default=0, init=False)
    _arrived: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)
    _failures: int = field(default=0, init=False)  # to record a call
    _recovered: int = field(default=0, init=False)  # of these
    _cancelling: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    # Waiters belong to an event loop, and a process may run several.
    _loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bounds] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )

    @contextmanager
    def slot(self) -> Iterator["CallSlot"]:
        """Give one call a slot: its first request takes it, and the end of the block frees it."""
        slot = CallSlot(self)
        try:
            yield slot
        finally:
            slot.release()

    async def acquire(self, tokens: int) -> _PrioritySemaphore:
        """Wait until a request may be sent; return the semaphore to pass to `release`.

        Requests to a closed limiter wait for `cancel_waiting`.

        Raises:
            CancelledError: the limiter is closed, and `cancel_waiting` was called.
            Exception: calls cannot be recorded; raised by `wait_for_storage`.
        """
        self._arrived += 1
        bounds = self._bounds()
        if bounds.requests is not None:
            await bounds.requests.acquire()
        if bounds.tokens is not None:
            await bounds.tokens.acquire(min(tokens, bounds.tokens.max_rate))
        await bounds.slots.acquire()
        try:
            await self._check_open()
        except BaseException:
            bounds.slots.release()
            raise
        self._busy += 1
        return bounds.slots

    def release(self, slots: _PrioritySemaphore) -> None:
        """Give back what `acquire` returned."""
        self._busy -= 1
        slots.release()

    async def _check_open(self) -> None:
        while (failures := self._failures) > self._recovered:
            if self.wait_for_storage is not None:
                await self.wait_for_storage()
            await asyncio.sleep(_RECORDING_PAUSE)
            self._recovered = max(self._recovered, failures)
        if self._closed:
            await self._cancelling.wait()
            raise asyncio.CancelledError

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
        """Wait until no call is under way, and the last ones have been recorded.

        What a graph stores after a call is not seen from here. A task that has stored it goes on to
        its next request, so this returns a moment after the last request arrived.
        """
        arrived = None
        while self._busy or arrived != self._arrived:
            arrived = self._arrived
            await asyncio.sleep(_IDLE_CHECK)

    def _bounds(self) -> _Bounds:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = _Bounds(
                _PrioritySemaphore(self.max_concurrent),
                *(
                    None if rate is None else AsyncLimiter(rate, MINUTE)
                    for rate in (self.requests_per_minute, self.tokens_per_minute)
                ),
            )
        return self._loops[loop]


@dataclass(slots=True, eq=False)
class CallSlot:
    """The slot of one call.

    It is held until the call is recorded, so that a database that goes away loses no more calls
    than may be concurrent. It is free during the pause after a request that failed.
    """

    _limiter: CallLimiter
    _slots: _PrioritySemaphore | None = field(default=None, init=False)

    @asynccontextmanager
    async def request(self, tokens: int) -> AsyncIterator[None]:
        """Take the slot for a request with a prompt of `tokens` tokens; keep it if it succeeds.

        Raises:
            CancelledError: see `CallLimiter.acquire`.
        """
        self.release()
        self._slots = await self._limiter.acquire(tokens)
        try:
            yield
        except Exception:
            self.release()
            raise

    def release(self) -> None:
        """Free the slot, if it is held."""
        if self._slots is not None:
            self._limiter.release(self._slots)
            self._slots = None
