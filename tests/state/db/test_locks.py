"""Turns: one at a time, over tasks and processes, and never for longer than they are worth."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import psycopg
import pytest

from state.db import locks as bounds
from state.db.locks import Turns
from state.db.presence import Presence
from tests.support.paths import ROOT

_TAKES = """
import asyncio, sys
from state.db.presence import Presence
from state.db.locks import Turns

async def main():
    assert await Turns(Presence(sys.argv[1])).take("killed", ["item"])
    print("mine", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


class Process:
    """The turns of one process, as its own connection makes it."""

    def __init__(self, url: str) -> None:
        self.presence = Presence(url)
        self.turns = Turns(self.presence)

    async def locks(self, server: str) -> int:
        """Return how many turns the database knows of it; its sign is a lock too."""
        rows = await self.presence.ask("SELECT pg_backend_pid() AS pid", ())
        with psycopg.connect(server) as conn:
            row = conn.execute(
                "SELECT count(*) - 1 FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND pid = %s",
                (rows[0]["pid"],),
            ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
async def here(server: str) -> AsyncIterator[Process]:
    """Return one process."""
    process = Process(server)
    yield process
    await process.turns.close()
    await process.presence.close()


@pytest.fixture
async def there(server: str) -> AsyncIterator[Process]:
    """Return another one."""
    process = Process(server)
    yield process
    await process.turns.close()
    await process.presence.close()


async def waits(taking: "asyncio.Task[bool]") -> bool:
    await asyncio.sleep(0.15)
    return not taking.done()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_turn_is_one_owners_until_it_is_given_back(
    here: Process, there: Process, *, elsewhere: bool
) -> None:
    assert await here.turns.take("a", ["item", "user"])
    assert await here.turns.take("a", ["item", "user"])
    other = there if elsewhere else here
    taking = asyncio.create_task(other.turns.take("b", ["user"]))
    assert await other.turns.take("c", ["other"])
    assert await waits(taking)
    await here.turns.give_back("a")
    assert await taking
    await here.turns.give_back("a")
    taking = asyncio.create_task(here.turns.take("a", ["user"]))
    assert await waits(taking)
    await other.turns.give_back("b")
    assert await taking


async def test_who_waits_holds_nothing_behind_what_it_waits_for(
    here: Process, there: Process
) -> None:
    assert await here.turns.take("a", ["2"])
    taking = asyncio.create_task(there.turns.take("b", ["1", "2", "3"]))
    assert await waits(taking)
    first = asyncio.create_task(here.turns.take("c", ["1"]))
    assert await here.turns.take("d", ["3"])
    assert await waits(first)
    await here.turns.give_back("d")
    await here.turns.give_back("a")
    assert await taking
    await there.turns.give_back("b")
    assert await first


async def test_a_block_has_its_turn_and_gives_it_back(here: Process, there: Process) -> None:
    async with here.turns.at("item"):
        taking = asyncio.create_task(there.turns.take("b", ["item"]))
        assert await waits(taking)
    assert await taking


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_who_waits_in_vain_goes_on_without(
    here: Process, there: Process, server: str, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    assert await here.turns.take("a", ["2"])
    monkeypatch.setattr(bounds, "PATIENCE", 0.2)
    other = there if elsewhere else here
    assert not await other.turns.take("b", ["1", "2", "3"])
    async with other.turns.at("2"):
        pass
    assert await here.turns.take("c", ["1"])
    assert await there.turns.take("d", ["3"])
    assert (await here.locks(server), await there.locks(server)) == (2, 1)


async def test_a_turn_that_is_held_too_long_ends(
    here: Process, there: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "HELD", 0.2)
    assert await here.turns.take("a", ["item"])
    assert await there.turns.take("b", ["item"])
    monkeypatch.setattr(bounds, "PATIENCE", 0.1)
    await here.turns.give_back("a")  # so late, it is not another's that is given back
    assert not await here.turns.take("c", ["item"])


async def test_who_is_cancelled_while_it_waits_leaves_nothing(
    here: Process, there: Process, server: str
) -> None:
    assert await here.turns.take("a", ["2"])
    for pause in (0, 0.001, 0.005, 0.02, 0.05):
        for process in (here, there):
            taking = asyncio.create_task(process.turns.take("b", ["1", "2"]))
            await asyncio.sleep(pause)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
    assert await here.turns.take("c", ["1"])
    assert (await here.locks(server), await there.locks(server)) == (2, 0)


async def test_turns_end_with_a_killed_process(here: Process, server: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _TAKES, server, cwd=ROOT, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"mine\n"
    taking = asyncio.create_task(here.turns.take("a", ["item"]))
    assert await waits(taking)
    process.kill()
    assert await taking
    await process.wait()


async def test_a_lost_connection_costs_one_turn_at_most(
    here: Process, there: Process, server: str
) -> None:
    assert await here.turns.take("a", ["item"])
    sign = here.presence.shown
    rows = await here.presence.ask("SELECT pg_backend_pid() AS pid", ())
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(%s, 5000)", (rows[0]["pid"],))
    assert await there.turns.take("b", ["item"])
    assert not await here.turns.take("c", ["other"])
    assert await here.turns.take("c", ["other"])
    assert here.presence.shown != sign
    await here.turns.give_back("a")  # there is nothing left of it, and "b" keeps its own
    taking = asyncio.create_task(here.turns.take("d", ["item"]))
    assert await waits(taking)
    await there.turns.give_back("b")
    assert await taking


async def test_without_a_connection_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(Presence("postgresql://me@127.0.0.1:1/db"))
    monkeypatch.setattr(bounds, "PATIENCE", 0.0)
    assert not await turns.take("a", ["item"])
    monkeypatch.setattr(bounds, "PATIENCE", 60.0)
    assert not await turns.take("a", ["item"])
    async with turns.at("item"):
        pass
    await turns.give_back("a")
