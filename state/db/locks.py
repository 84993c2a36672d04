"""Turns: one run at a time at a thing, so that others wait instead of paying for the same work.

A turn is a courtesy: whoever waits in vain goes on without it, and a turn that is held too long
ends by itself. What must hold rests on the comparison of versions at the commit.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

import psycopg

from state.db.presence import Presence
from state.errors import DatabaseError

PATIENCE = 60.0
"""Seconds that anybody waits for its turns."""
HELD = 60.0
"""Seconds after which turns that were not given back end."""
_SHORTEST = 0.02
_LONGEST = 0.05
"""Seconds between two tries: were they to grow on, newcomers would mostly be the first."""
_WITHOUT = 30.0
"""Seconds for which nobody asks again for a connection that the server refused."""


@dataclass(frozen=True, slots=True)
class _Held:
    ends: AsyncExitStack
    timer: asyncio.TimerHandle


class Turns:
    """The turns that runs of this process have: advisory locks on the connection of its sign.

    So they vanish with the process or its connection. Tasks of one process wait for each other
    here; other processes' locks are tried again and again. Nobody holds a connection of the pool or
    a transaction while it waits.
    """

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._local: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._held: dict[str, _Held] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._without_until = 0.0

    async def take(self, owner: str, names: Sequence[str]) -> bool:
        """Wait until all these turns are the owner's; `names` stand in an order that all keep.

        Returns:
            False where that took too long, or the database gave no connection for it.
        """
        if owner in self._held:
            return True
        async with AsyncExitStack() as stack:
            if not await self._take(stack, names, PATIENCE):
                return False
            loop = asyncio.get_running_loop()
            timer = loop.call_later(HELD, self._end, owner)
            self._held[owner] = _Held(stack.pop_all(), timer)
        return True

    async def give_back(self, owner: str) -> None:
        """Give all turns of an owner back; one that has none is left alone."""
        if (held := self._held.pop(owner, None)) is not None:
            held.timer.cancel()
            await held.ends.aclose()

    @asynccontextmanager
    async def at(self, name: str, *, patiently: bool = False) -> AsyncIterator[None]:
        """Wait for one turn, and have it for the time of the block, however long that is.

        `patiently`: for as long as who has it lives.
        """
        async with AsyncExitStack() as stack:
            await self._take(stack, [name], None if patiently else PATIENCE)
            yield

    async def close(self) -> None:
        """Forget all turns: the connection is about to be closed."""
        for owner in list(self._held):
            await self.give_back(owner)

    async def _take(
        self, stack: AsyncExitStack, names: Sequence[str], patience: float | None
    ) -> bool:
        now = asyncio.get_running_loop().time
        if now() < self._without_until:
            return False
        keys = [_key(name) for name in names]
        taking = await stack.enter_async_context(AsyncExitStack())
        try:
            async with asyncio.timeout(patience):
                waited = [await self._wait_here(taking, key) for key in keys]
                taking.push_async_callback(self._unlock, keys)
                if any(waited):  # let other processes try first, or this one would always win
                    await asyncio.sleep(_SHORTEST)
                await self._lock(keys)
        except (TimeoutError, psycopg.Error, DatabaseError) as error:
            if isinstance(error, DatabaseError):
                self._without_until = now() + _WITHOUT
            await taking.aclose()
            return False
        return True

    async def _wait_here(self, stack: AsyncExitStack, key: int) -> bool:
        """Wait for the tasks of this process; return whether there was anyone to wait for."""
        lock = self._local.setdefault(key, asyncio.Lock())
        waits = lock.locked()
        await stack.enter_async_context(lock)
        return waits

    async def _lock(self, keys: Sequence[int]) -> None:
        """Lock keys in order; what lies behind one that is not free is left to others."""
        pause = _SHORTEST
        while True:
            rows = await asyncio.shield(
                self._presence.ask(
                    "SELECT key, pg_try_advisory_lock(key) AS held FROM unnest(%s::bigint[]) key",
                    (list(keys),),
                )
            )
            held = {row["key"] for row in rows if row["held"]}
            keys = keys[next((n for n, key in enumerate(keys) if key not in held), len(keys)) :]
            if not keys:
                return
            await self._unlock([key for key in keys if key in held])
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    async def _unlock(self, keys: Sequence[int]) -> None:
        # The statement of a run that was cancelled goes on: this one comes after it.
        if keys:
            await asyncio.shield(self._drop(keys))

    async def _drop(self, keys: Sequence[int]) -> None:
        with suppress(psycopg.Error, DatabaseError):  # with the connection the locks are gone
            await self._presence.ask(
                "SELECT pg_advisory_unlock(key) FROM unnest(%s::bigint[]) key",
                (list(keys),),
                anew=False,
            )

    def _end(self, owner: str) -> None:
        ending = asyncio.ensure_future(self.give_back(owner))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def _key(name: str) -> int:
    """Return the advisory lock of a name, one of 2^64: the signs of processes are random ones."""
    digest = hashlib.sha256(f"recnet turn {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
