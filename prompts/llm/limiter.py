"""The limiter that all calls to endpoints pass: so many at once, so many a minute, or none more."""

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
"""How much waits for what is being run: of requests that wait, the most urgent is the first."""

_A_MOMENT = 0.5
"""Seconds in which a reply that came is stored."""
_A_WHILE = 2.0
"""Seconds in which a run that could not store something has ended, and its other calls with it."""


class _Slots:
    """A semaphore that lets the most urgent in first, and of those alike who came first."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._came = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def take(self) -> None:
        """Take a slot; wait for one where none is free."""
        if self._free:
            self._free -= 1
        else:
            await self._wait()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (-URGENCY.get(), next(self._came), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the slot was handed over at that moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Hand a slot to the next, or leave it free."""
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
class CallLimiter:
    """Lets `in_flight` calls at most be under way, and so many requests and tokens begin a minute.

    The bounds a minute are leaky buckets: a burst may use a whole minute's share at once. Tokens
    are those of the prompt, as estimated before it is sent; None is no bound. `stores` returns once
    replies can be stored, or raises why they cannot: it is asked where storing one has failed.
    """

    in_flight: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    stores: Callable[[], Awaitable[None]] | None = field(default=None, kw_only=True, repr=False)
    _busy: int = field(default=0, init=False)
    _arrived: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)
    _failures: int = field(default=0, init=False)  # to store a reply
    _overcome: int = field(default=0, init=False)  # of these
    _over: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    # Who waits belongs to an event loop, and a process may run several.
    _loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bounds] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )

    @contextmanager
    def call(self) -> Iterator["CallSlot"]:
        """Give the block a place, to be taken with its first request and given back at its end."""
        place = CallSlot(self)
        try:
            yield place
        finally:
            place.give_back()

    async def let_in(self, tokens: int) -> "_Slots":
        """Wait as the bounds ask for it; return where the slot that was taken is to be given back.

        Who comes to a closed limiter waits until it is told to go.

        Raises:
            CancelledError: the limiter is closed, and `turn_away` was called.
            Exception: what came could not be stored, as `stores` has it.
        """
        self._arrived += 1
        bounds = self._bounds()
        if bounds.requests is not None:
            await bounds.requests.acquire()
        if bounds.tokens is not None:
            await bounds.tokens.acquire(min(tokens, bounds.tokens.max_rate))
        await bounds.slots.take()
        try:
            await self._may_pass()
        except BaseException:
            bounds.slots.give_back()
            raise
        self._busy += 1
        return bounds.slots

    def let_out(self, slots: "_Slots") -> None:
        """Give back what `let_in` gave."""
        self._busy -= 1
        slots.give_back()

    async def _may_pass(self) -> None:
        while (failures := self._failures) > self._overcome:
            if self.stores is not None:
                await self.stores()
            await asyncio.sleep(_A_WHILE)
            self._overcome = max(self._overcome, failures)
        if self._closed:
            await self._over.wait()
            raise asyncio.CancelledError

    @contextmanager
    def storing(self) -> Iterator[None]:
        """Let `rest` wait for the storing of a reply; where it fails let nobody in for a while.

        Where that ends a run, those who wait are cancelled meanwhile and nothing is paid for them.
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

    def turn_away(self) -> None:
        """Cancel who waits at the closed limiter, and who still comes there.

        A task may have been cancelled already and have lost it: it must not wait for ever.
        """
        self._over.set()

    async def rest(self) -> None:
        """Wait until no call is under way, and what the last ones brought has been stored.

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


@dataclass(slots=True, eq=False)
class CallSlot:
    """One call's place among those under way.

    It is held until the call is recorded, so that no more are lost than may be under way where the
    database ends; but not over the pause after a request that failed.
    """

    _limiter: CallLimiter
    _slots: _Slots | None = field(default=None, init=False)

    @asynccontextmanager
    async def request(self, tokens: int) -> AsyncIterator[None]:
        """Take the place for a request with a prompt of so many tokens, and keep it if it succeeds.

        Raises:
            CancelledError: see `CallLimiter.let_in`.
        """
        self.give_back()
        self._slots = await self._limiter.let_in(tokens)
        try:
            yield
        except Exception:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one in; nothing happens where the place is not held."""
        if self._slots is not None:
            self._limiter.let_out(self._slots)
            self._slots = None


def _limiter(rate: int | None) -> AsyncLimiter | None:
    return None if rate is None else AsyncLimiter(rate, MINUTE)
