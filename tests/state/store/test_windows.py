"""The pending set and the windows that claim it."""

import asyncio

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.resources import Resources
from state.domain import Frozen
from state.store.networks import lock_network
from state.store.windows import (
    Window,
    add_pending,
    claim_window,
    close_window,
    count_windows,
    open_window,
    read_pending,
    set_recipients,
)
from tests.support.tiny_network import plant_tiny


async def join(resources: Resources, network: int, *clients: int, size: int = 3) -> int | None:
    """Do what the commit of an interaction does about windows."""
    async with resources.pool.connection() as conn, conn.transaction():
        await lock_network(conn, network)
        await add_pending(conn, network, clients)
        return await claim_window(conn, network, size)


class Now(Frozen):
    pending: list[int]
    open: Window | None


async def now(resources: Resources, network: int) -> Now:
    async with resources.pool.connection() as conn:
        return Now(pending=await read_pending(conn, network), open=await open_window(conn, network))


async def test_a_client_is_pending_once(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    assert await join(resources, network, 5, 1, 5) is None
    assert await join(resources, network, 1) is None
    assert await now(resources, network) == Now(pending=[1, 5], open=None)


async def test_the_set_is_claimed_whole_as_soon_as_it_is_full(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    await join(resources, network, 5, 1)
    assert await join(resources, network, 2, 3) == 1
    claimed = Window(id=1, members=(1, 2, 3, 5))
    assert await now(resources, network) == Now(pending=[], open=claimed)


async def test_while_a_window_is_open_the_set_goes_on_filling(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    assert await join(resources, network, 1, 2, 3) == 1
    assert await join(resources, network, 3, 4, 5, 6) is None
    async with resources.pool.connection() as conn:
        assert await close_window(conn, network, 1)
        assert not await close_window(conn, network, 1)
        assert not await close_window(conn, network, 9)
        await set_recipients(conn, network, 1, 4)
        assert await count_windows(conn, network) == 1
    assert await now(resources, network) == Now(pending=[3, 4, 5, 6], open=None)
    assert await join(resources, network, 3) == 2


async def test_of_commits_at_once_one_claims(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    claims = await asyncio.gather(*(join(resources, network, n, n + 1) for n in range(1, 13)))
    assert [claim for claim in claims if claim is not None] == [1]
    found = await now(resources, network)
    assert found.open is not None
    assert len(found.open.members) >= 3
    assert not set(found.pending) - set(range(1, 14))
    assert {*found.pending, *found.open.members} == set(range(1, 14))


async def test_a_commit_waits_for_the_one_before_it_in_its_network_only(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    other = (await plant_tiny(resources, "other")).id
    async with resources.pool.connection() as conn, conn.transaction():
        await lock_network(conn, network)
        await add_pending(conn, network, [1, 2, 3])
        assert await claim_window(conn, network, 3) == 1
        later = asyncio.create_task(join(resources, network, 4, 5, 6))
        assert await join(resources, other, 1, 2, 3) == 1
        await asyncio.sleep(0.05)
        assert not later.done()
    assert await later is None
    assert (await now(resources, network)).pending == [4, 5, 6]


async def test_the_database_itself_holds_one_open_window_at_most(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    other = (await plant_tiny(resources, "other")).id
    assert await join(resources, network, 1, 2, 3) == 1
    assert await join(resources, other, 1, 2, 3) == 1
    async with resources.pool.connection() as conn:
        with pytest.raises(psycopg.errors.UniqueViolation):
            await conn.execute(
                "INSERT INTO windows (network_id, id, members) VALUES (%s, 2, '{1}')", (network,)
            )


FINISH = "finish the open window"
STEPS = st.lists(
    st.one_of(st.lists(st.integers(1, 12), max_size=3), st.just(FINISH)), min_size=1, max_size=16
)
"""Commits, each with the clients that join, and router updates that end."""


@given(steps=STEPS, update_size=st.integers(1, 9))
async def test_whoever_joins_is_in_one_window_or_waits(
    resources: Resources, steps: list[list[int] | str], update_size: int
) -> None:
    if "tiny" not in resources.networks:
        resources.networks["tiny"] = await plant_tiny(resources)
    network = resources.networks["tiny"].id
    waiting: set[int] = set()
    windows: list[set[int]] = []
    busy = False
    async with resources.pool.connection() as conn, conn.transaction(force_rollback=True):
        for step in steps:
            if isinstance(step, str):
                assert await close_window(conn, network, len(windows)) is busy
                busy = False
            else:
                await add_pending(conn, network, step)
                claimed = await claim_window(conn, network, update_size)
                waiting |= set(step)
                if len(waiting) >= update_size and not busy:
                    windows.append(waiting)
                    waiting, busy = set(), True
                    assert claimed == len(windows)
                else:
                    assert claimed is None
                assert busy or len(waiting) < update_size
            assert await read_pending(conn, network) == sorted(waiting)
            cursor = await conn.execute(
                "SELECT id, members, done FROM windows WHERE network_id = %s ORDER BY id",
                (network,),
            )
            found = [(row["id"], row["members"], row["done"]) for row in await cursor.fetchall()]
            assert found == [
                (number, sorted(members), not busy or number < len(windows))
                for number, members in enumerate(windows, start=1)
            ]
