"""Locks: one owner at a time, over tasks and processes, and none is kept too long."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import psycopg
import pytest

from state.db.locks import Locks
from state.errors import DatabaseError
from tests.support.paths import ROOT

_LOCKS = """
import asyncio, sys
from state.db.locks import Locks

async def main():
    assert await Locks(sys.argv[1]).acquire("killed", ["item"])
    print("mine", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def backends(server: str, name: str) -> list[int]:
    """Return the connections of the processes of a name that hold locks, one for each lock."""
    with psycopg.connect(server) as conn:
        rows = conn.execute(
            "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND application_name = %s",
            (name,),
        ).fetchall()
    return [row[0] for row in rows]


@pytest.fixture
async def here(server: str) -> AsyncIterator[Locks]:
    """Return the locks of one process."""
    locks = Locks(server)
    locks.name = "here"
    yield locks
    await locks.close()


@pytest.fixture
async def there(server: str) -> AsyncIterator[Locks]:
    """Return those of another one."""
    locks = Locks(server)
    locks.name = "there"
    yield locks
    await locks.close()


async def waits(acquiring: "asyncio.Task[bool]") -> bool:
    await asyncio.sleep(0.15)
    return not acquiring.done()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_lock_is_one_owners_until_it_is_released(
    here: Locks, there: Locks, *, elsewhere: bool
) -> None:
    assert await here.acquire("a", ["item", "user"])
    assert await here.acquire("a", ["item", "user"])
    other = there if elsewhere else here
    acquiring = asyncio.create_task(other.acquire("b", ["user"]))
    assert await other.acquire("c", ["other"])
    assert await waits(acquiring)
    await here.release("a")
    assert await acquiring
    await here.release("a")
    acquiring = asyncio.create_task(here.acquire("a", ["user"]))
    assert await waits(acquiring)
    await other.release("b")
    assert await acquiring


async def test_an_owner_that_waits_holds_nothing_behind_what_it_waits_for(
    here: Locks, there: Locks
) -> None:
    assert await here.acquire("a", ["2"])
    acquiring = asyncio.create_task(there.acquire("b", ["1", "2", "3"]))
    assert await waits(acquiring)
    first = asyncio.create_task(here.acquire("c", ["1"]))
    assert await here.acquire("d", ["3"])
    assert await waits(first)
    await here.release("d")
    await here.release("a")
    assert await acquiring
    await there.release("b")
    assert await first


async def test_an_owner_that_asks_for_other_locks_gives_up_those_it_had(
    here: Locks, there: Locks
) -> None:
    assert await here.acquire("a", ["1", "2"])
    assert await here.acquire("a", ["2", "3"])
    assert await there.acquire("b", ["1"], wait=0)
    assert not await there.acquire("c", ["3"], wait=0)


async def test_nobody_waits_for_a_lock_that_is_to_be_free_now(here: Locks, there: Locks) -> None:
    assert await here.acquire("a", ["item"], wait=0)
    for other in (here, there):
        async with asyncio.timeout(1):
            assert not await other.acquire("b", ["item"], wait=0)


async def test_a_block_holds_its_lock_and_releases_it(here: Locks, there: Locks) -> None:
    async with here.hold("item"):
        acquiring = asyncio.create_task(there.acquire("b", ["item"]))
        assert await waits(acquiring)
    assert await acquiring


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_an_owner_that_waits_in_vain_goes_on_without(
    here: Locks, there: Locks, server: str, *, elsewhere: bool
) -> None:
    assert await here.acquire("a", ["2"])
    other = there if elsewhere else here
    assert not await other.acquire("b", ["1", "2", "3"], wait=0.2)
    async with other.hold("2", wait=0.2):
        pass
    assert await here.acquire("c", ["1"])
    assert await there.acquire("d", ["3"])
    assert [len(backends(server, name)) for name in ("here", "there")] == [2, 1]


async def test_a_lock_that_is_held_too_long_expires(here: Locks, there: Locks) -> None:
    assert await here.acquire("a", ["item"], keep=0.2)
    assert await there.acquire("b", ["item"])
    await here.release("a")  # so late, it is not another's that is released
    assert not await here.acquire("c", ["item"], wait=0.1)


async def test_a_lock_in_use_does_not_expire(here: Locks, there: Locks) -> None:
    assert await here.acquire("a", ["item"], keep=0.1)
    with here.keep("a", 0.2):
        with here.keep("a", 0.0):
            await asyncio.sleep(0.3)
        await asyncio.sleep(0.1)
        assert not await there.acquire("b", ["item"], wait=0)
    assert not await there.acquire("b", ["item"], wait=0)
    assert await there.acquire("b", ["item"])


async def test_an_owner_that_is_cancelled_while_it_waits_leaves_nothing(
    here: Locks, there: Locks, server: str
) -> None:
    assert await here.acquire("a", ["2"])
    for pause in (0, 0.001, 0.005, 0.02, 0.05):
        for process in (here, there):
            acquiring = asyncio.create_task(process.acquire("b", ["1", "2"]))
            await asyncio.sleep(pause)
            acquiring.cancel()
            with pytest.raises(asyncio.CancelledError):
                await acquiring
    assert await here.acquire("c", ["1"])
    assert [len(backends(server, name)) for name in ("here", "there")] == [2, 0]


async def test_locks_end_with_a_killed_process(here: Locks, server: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LOCKS, server, cwd=ROOT, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"mine\n"
    acquiring = asyncio.create_task(here.acquire("a", ["item"]))
    assert await waits(acquiring)
    process.kill()
    assert await acquiring
    await process.wait()


async def test_a_lost_connection_is_noticed_and_opened_again(
    here: Locks, there: Locks, server: str
) -> None:
    assert await here.acquire("a", ["item"])
    await here.verify("a")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(%s, 5000)", backends(server, "here"))
    assert await there.acquire("b", ["item"])
    with pytest.raises(psycopg.OperationalError):
        await here.verify("a")
    assert await here.acquire("c", ["other"])
    assert not await here.acquire("a", ["item"], wait=0)  # what it held is gone
    await here.release("a")
    acquiring = asyncio.create_task(here.acquire("d", ["item"]))
    assert await waits(acquiring)
    await there.release("b")
    assert await acquiring


async def test_without_a_connection_nobody_waits() -> None:
    locks = Locks("postgresql://me@127.0.0.1:1/db")
    with pytest.raises(DatabaseError):
        await locks.acquire("a", ["item"])
    assert not await locks.try_acquire("a", ["item"])
    assert not await locks.try_acquire("a", ["item"])
    async with locks.hold("item"):
        pass
    await locks.release("a")
