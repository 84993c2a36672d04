"""Locks by name that all processes on a database share.

They are advisory locks on one connection of the process. The server drops them when that connection
ends, however the process ended; within a minute where the machine or the network is gone. Tasks of
one process wait for each other on asyncio locks, and locks of other processes are polled, so nobody
waits inside a transaction or with a connection of the pool.
"""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Hashable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

import psycopg

from state.db.connection import connect
from state.db.pool import Connection
from state.db.query import fetch_one
from state.errors import DatabaseError

WAIT_SECONDS = 60.0
"""How long anybody waits for locks that it can do without."""
_SHORTEST = 0.02
_LONGEST = 0.05
"""Seconds between two tries, kept constant: with growing pauses, later arrivals would
usually win."""
_REFUSED_SECONDS = 30.0
"""How long nobody asks again for a connection that the server refused, where it can do without."""
_CLOSE_SECONDS = 1.0
"""How long the server has to answer a connection that releases its locks before it is closed."""


@dataclass(slots=True)
class _Held:
    """The locks of one owner."""

    names: tuple[str, ...]
    conn: Connection
    ends: AsyncExitStack
    users: int = 0
    timer: asyncio.TimerHandle | None = None


class Locks:
    """The locks of this process, on one connection; other processes see its `command`."""

    def __init__(self, url: str, command: str = "") -> None:
        self._url = url
        self.name = f"recnet {command}, process {os.getpid()} on {socket.gethostname()}"
        self._conn: Connection | None = None
        self._closed = False
        self._opening = asyncio.Lock()
        self._local: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        self._held: dict[Hashable, _Held] = {}
        self._expiring: set[asyncio.Task[None]] = set()
        self._refused_until = 0.0

    async def acquire(
        self,
        owner: Hashable,
        names: Sequence[str],
        *,
        wait: float | None = WAIT_SECONDS,
        keep: float | None = 60.0,
    ) -> bool:
        """Wait until an owner holds all these locks, and no others; False where it took too long.

        Callers give names in one order, so that no two wait for each other. `wait` is in seconds: 0
        tries once, None waits for as long as the others live. After `keep` seconds the locks are
        released; None keeps them until `release`.

        Raises:
            DatabaseError: the server allows no further connection.
            psycopg.OperationalError: the connection was lost meanwhile.
        """
        async with self._mutex("owner", owner), AsyncExitStack() as stack:
            held = self._held.get(owner)
            if held and held.names == tuple(names) and await _answers(held.conn):
                self._expire(owner, held, keep)
                return True
            await self.release(owner)
            conn = await self._connection()
            deadline = None if wait is None else asyncio.get_running_loop().time() + wait
            mutexes = [self._mutex("name", name) for name in names]
            waited = any(mutex.locked() for mutex in mutexes)
            try:
                async with asyncio.timeout_at(deadline):
                    for mutex in mutexes:
                        await stack.enter_async_context(mutex)
            except TimeoutError:
                return False
            keys = [_key(name) for name in names]
            stack.push_async_callback(_unlock, conn, keys)
            if waited:  # let other processes try first, or this one would always win
                await asyncio.sleep(_SHORTEST)
            if not await _lock(conn, keys, deadline):
                return False
            held = self._held[owner] = _Held(tuple(names), conn, stack.pop_all())
            self._expire(owner, held, keep)
        return True

    async def try_acquire(
        self, owner: Hashable, names: Sequence[str], *, wait: float | None = WAIT_SECONDS
    ) -> bool:
        """Acquire locks that the owner can do without: False too where the database refuses."""
        now = asyncio.get_running_loop().time
        if now() < self._refused_until:
            return False
        with suppress(psycopg.Error):
            try:
                return await self.acquire(owner, names, wait=wait)
            except DatabaseError:
                self._refused_until = now() + _REFUSED_SECONDS
        return False

    async def release(self, owner: Hashable) -> None:
        """Release all locks of an owner, if it has any."""
        if (held := self._held.pop(owner, None)) is not None:
            if held.timer is not None:
                held.timer.cancel()
            await held.ends.aclose()

    @asynccontextmanager
    async def hold(self, name: str, *, wait: float | None = WAIT_SECONDS) -> AsyncIterator[None]:
        """Hold one lock during the block; run the block without it where it cannot be had."""
        owner = object()
        if await self.try_acquire(owner, [name], wait=wait):
            self._expire(owner, self._held[owner], None)
        try:
            yield
        finally:
            await self.release(owner)

    @contextmanager
    def keep(self, owner: Hashable, seconds: float) -> Iterator[None]:
        """Keep an owner's locks for the time of the block, and for some seconds after it."""
        if (held := self._held.get(owner)) is None:
            yield
            return
        held.users += 1
        self._expire(owner, held, None)
        try:
            yield
        finally:
            held.users -= 1
            if self._held.get(owner) is held:
                self._expire(owner, held, seconds)

    async def verify(self, owner: Hashable) -> None:
        """Raise psycopg.OperationalError where the connection was lost, and with it the locks."""
        if (held := self._held.get(owner)) is None:
            raise psycopg.OperationalError("the lock was lost")
        await held.conn.execute("SELECT")

    async def close(self) -> None:
        """Release all locks for good: what a cancelled run left behind acquires none again.

        A server drops the locks of a closed connection when it gets to it; asked, it does at once.
        """
        self._closed = True
        for owner in list(self._held):
            await self.release(owner)
        async with self._opening:
            if self._conn is None:
                return
            try:
                with suppress(psycopg.Error, TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await self._conn.execute("SELECT pg_advisory_unlock_all()")
            finally:
                await self._conn.close()

    async def _connection(self) -> Connection:
        async with self._opening:
            if self._closed:
                raise DatabaseError("the connections of this process are closed")
            if self._conn is None or not await _answers(self._conn):
                self._conn = await connect(self._url, application_name=self.name)
            return self._conn

    def _mutex(self, *key: Hashable) -> asyncio.Lock:
        return self._local.setdefault(key, asyncio.Lock())

    def _expire(self, owner: Hashable, held: _Held, seconds: float | None) -> None:
        """Set the time after which locks are released that nobody is using."""
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        if seconds is None or held.users:
            return

        def expire() -> None:
            task = asyncio.ensure_future(self.release(owner))
            self._expiring.add(task)
            task.add_done_callback(self._expiring.discard)

        held.timer = asyncio.get_running_loop().call_later(seconds, expire)


async def lock_holder(conn: Connection, name: str) -> str | None:
    """Return what can be said of the process that holds a lock; None where nobody does."""
    row = await fetch_one(
        conn,
        "SELECT a.application_name AS name, to_char(a.backend_start, 'HH24:MI') AS since "
        "FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
        "AND (l.classid::bigint << 32 | l.objid::bigint) = %s "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (_key(name),),
    )
    if row is None:
        return None
    since = f", since {row['since']}" if row["since"] else ""
    return f"{row['name'] or 'another process'}{since}"


async def _answers(conn: Connection) -> bool:
    try:
        await conn.execute("SELECT")
    except psycopg.OperationalError:
        return False
    return True


async def _lock(conn: Connection, keys: Sequence[int], deadline: float | None) -> bool:
    """Lock keys in order; those behind one that is not free are left to others meanwhile."""
    now, pause = asyncio.get_running_loop().time, _SHORTEST
    while True:
        locking = conn.execute(
            "SELECT key, pg_try_advisory_lock(key) AS held FROM unnest(%s::bigint[]) key",
            (list(keys),),
        )
        rows = await (await asyncio.shield(locking)).fetchall()
        held = {row["key"] for row in rows if row["held"]}
        keys = keys[next((n for n, key in enumerate(keys) if key not in held), len(keys)) :]
        if not keys:
            return True
        await _unlock(conn, [key for key in keys if key in held])
        if deadline is not None and now() >= deadline:
            return False
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST)


async def _unlock(conn: Connection, keys: Sequence[int]) -> None:
    """Unlock keys, also those that a statement locks whose run was cancelled: this comes after."""
    if keys:
        query = "SELECT pg_advisory_unlock(key) FROM unnest(%s::bigint[]) key"
        with suppress(psycopg.Error):  # with the connection the locks are gone
            await asyncio.shield(conn.execute(query, (list(keys),)))


def _key(name: str) -> int:
    """Return the number of a lock, one of 2^64."""
    digest = hashlib.sha256(f"recnet lock {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
