"""Feeding a window: everything that may run at once does, and nothing else."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.record_streams import record_streams
from workflows.training.schedule import Record, chain_lengths, predecessors
from workflows.training.stream import RunRecord, run_window


def record(name: str) -> Record:
    """Return the record of a user and two items, each a digit."""
    user, positive, negative = map(int, name)
    return Record(id=name, user=user, positive=positive + 10, negative=negative + 10)


def test_a_record_waits_for_the_earlier_ones_that_share_a_client() -> None:
    window = [record(name) for name in ("112", "234", "123", "245", "356")]
    assert predecessors(window) == [set(), set(), {0, 1}, {1}, {3}]
    assert chain_lengths(predecessors(window)) == [2, 3, 1, 2, 1]


def share(one: Record, other: Record) -> bool:
    return not set(one.clients).isdisjoint(other.clients)


@given(
    window=record_streams(), concurrency=st.integers(1, 9), chance=st.randoms(use_true_random=False)
)
async def test_a_record_begins_as_soon_as_those_before_it_that_share_a_client_have_ended(
    window: list[Record], concurrency: int, chance: Random
) -> None:
    running: set[str] = set()
    ended: set[str] = set()
    place = {one.id: number for number, one in enumerate(window)}

    def ready() -> set[str]:
        """Return who waits for nobody and has not begun."""
        left = [one for one in window if one.id not in ended]
        return {
            one.id
            for one in left
            if one.id not in running
            and not any(share(one, o) for o in left if place[o.id] < place[one.id])
        }

    async def feed(one: Record) -> bool:
        assert one.id in ready()
        running.add(one.id)
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        assert len(running) <= concurrency
        running.remove(one.id)
        ended.add(one.id)
        return True

    assert await run_window(window, feed, concurrency=concurrency)
    assert ended == set(place)


async def run(window: list[Record], act: RunRecord) -> bool:
    return await run_window(window, act, concurrency=2)


async def test_of_those_that_are_ready_the_longest_row_begins_first() -> None:
    window = [record(name) for name in ("112", "234", "356", "377", "388")]
    began = []

    async def feed(one: Record) -> bool:
        began.append(one.id)
        return True

    await run_window(window, feed, concurrency=1)
    assert began == ["356", "377", "112", "234", "388"]


async def test_nothing_is_begun_once_it_may_not_and_what_was_begun_is_finished() -> None:
    window = [record(name) for name in ("112", "234", "356", "478")]
    began: list[str] = []
    ended: list[str] = []

    async def feed(one: Record) -> bool:
        began.append(one.id)
        await asyncio.sleep(0)
        ended.append(one.id)
        return True

    whole = await run_window(window, feed, concurrency=2, may_begin=lambda: len(began) < 2)
    assert not whole
    assert began == ended == ["112", "234"]


async def test_who_waits_for_one_that_was_not_begun_is_not_begun_either() -> None:
    window = [record(name) for name in ("112", "134", "256")]
    began = []

    async def feed(one: Record) -> bool:
        began.append(one.id)
        return one.id != "112"

    assert not await run(window, feed)
    assert began == ["112", "256"]


async def test_where_one_raises_the_others_are_stopped_and_waited_for() -> None:
    window = [record(name) for name in ("112", "234", "356")]
    ended = []

    async def feed(one: Record) -> bool:
        try:
            await asyncio.sleep(0 if one.id == "234" else 3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append(one.id)
            raise
        raise LookupError(one.id)

    with pytest.raises(LookupError, match="234"):
        await run(window, feed)
    assert ended == ["112"]
