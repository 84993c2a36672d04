"""The gate that all requests to endpoints pass: so many at once, so many a minute, or none more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from time import monotonic
from weakref import WeakKeyDictionary

from aiolimiter import AsyncLimiter

MINUTE = 60.0

URGENCY: ContextVar[int] = ContextVar("urgency", default=0)
"""How much waits for what is being run: of requests that wait, the most urgent is the first."""

_A_MOMENT = 0.5
"""Seconds in which a reply that came is stored."""


class _Slots:
    """A semaphore that lets the most urgent in first, and of those alike who came first."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._came = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Hold a slot for the time of the block."""
        if self._free:
            self._free -= 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (-URGENCY.get(), next(self._came), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the slot was handed over at that moment
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            turn = heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


@dataclass(slots=True)
class _Bounds:
    """The bounds of one event loop."""

    slots: "_Slots"
    requests: AsyncLimiter | None
    tokens: AsyncLimiter | None


@dataclass(slots=True, eq=False)
class Gate:
    """Lets at most `in_flight` requests through at once, and so many requests and tokens a minute.

    The bounds a minute are leaky buckets: a burst may use a whole minute's share at once. Tokens
    are those of the prompt, as estimated before it is sent; None is no bound.
    """

    in_flight: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    _busy: int = field(default=0, init=False)
    _arrived: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)
    _paused: float = field(default=0.0, init=False)  # until then, on the monotonic clock
    _over: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    # Who waits belongs to an event loop, and a process may run several.
    _loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bounds] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )

    @asynccontextmanager
    async def enter(self, tokens: int) -> AsyncIterator[None]:
        """Hold one of the slots for the time of the block; wait first where a bound asks for it.

        Who comes to a closed gate waits until it is told to go.

        Raises:
            CancelledError: the gate is closed, and `turn_away` was called.
        """
        self._arrived += 1
        bounds = self._bounds()
        if bounds.requests is not None:
            await bounds.requests.acquire()
        if bounds.tokens is not None:
            await bounds.tokens.acquire(min(tokens, bounds.tokens.max_rate))
        async with bounds.slots.hold():
            if (left := self._paused - monotonic()) > 0:
                await asyncio.sleep(left)
            if self._closed:
                await self._over.wait()
                raise asyncio.CancelledError
            with self.awaited():
                yield

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Let `rest` wait for the block: a request, or the storing of what it brought."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    @contextmanager
    def storing(self) -> Iterator[None]:
        """Let `rest` wait for the storing of a reply; where that fails let nobody in for a moment.

        Where that ends a run, those who wait are cancelled meanwhile and nothing is paid for them.
        """
        with self.awaited():
            try:
                yield
            except Exception:
                self._paused = monotonic() + _A_MOMENT
                raise

    def close(self) -> None:
        """Let no further request through."""
        self._closed = True

    def turn_away(self) -> None:
        """Cancel who waits at the closed gate, and who still comes there.

        A task may have been cancelled already and have lost it: it must not wait for ever.
        """
        self._over.set()

    async def rest(self) -> None:
        """Wait until no request is under way, and what the last ones brought has been stored.

        What a graph stores after a call is not seen from here; whoever has stored it goes on to its
        next request, so this ends a moment after the last one has arrived.
        """
        arrived = None
        while self._busy or arrived != self._arrived:
            arrived = self._arrived
            await asyncio.sleep(_A_MOMENT)

    def _bounds(self) -> _Bounds:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = _Bounds(
                _Slots(self.in_flight),
                _limiter(self.requests_per_minute),
                _limiter(self.tokens_per_minute),
            )
        return self._loops[loop]


def _limiter(rate: int | None) -> AsyncLimiter | None:
    return None if rate is None else AsyncLimiter(rate, MINUTE)
