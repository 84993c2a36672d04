"""Records and windows follow from ids alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.resources import Resources
from state.dataset import Split
from state.errors import InputError
from state.store.events import StoredEvent
from state.store.interactions import Interaction, write_interaction
from state.store.windows import (
    add_pending,
    claim_window,
    close_window,
    open_window,
    read_pending,
)
from tests.support.record_streams import record_streams
from tests.support.tiny_network import plant_tiny
from workflows.training.schedule import Record, cut_windows, plan_records

ITEMS = list(range(100, 112))
ALL = frozenset(Split)


def place(record: Record) -> int:
    """Return a record's place in the stream."""
    return int(record.id.removeprefix("tiny:"))


WAITING = st.sets(st.integers(1, 18), max_size=8)
"""Clients that wait from before: any of the planted network's 6 users and 12 items."""


@st.composite
def streams(draw: st.DrawFn) -> list[StoredEvent]:
    """Draw a stream of events in which a user takes an item once, and never all items."""
    pairs = st.tuples(st.integers(1, 4), st.sampled_from(ITEMS[:-1]))
    taken = draw(st.lists(pairs, unique=True, max_size=30))
    splits = st.sampled_from(Split)
    return [
        StoredEvent(position=n, user_id=user, item_id=item, split=draw(splits))
        for n, (user, item) in enumerate(taken)
    ]


@given(streams(), st.integers(0, 5))
def test_a_negative_is_an_item_that_the_user_has_not_met_so_far(
    events: list[StoredEvent], seed: int
) -> None:
    for record in plan_records("tiny", events, ITEMS, ALL, seed):
        met = {
            e.item_id for e in events if e.user_id == record.user and e.position <= place(record)
        }
        assert record.positive in met
        assert record.negative in set(ITEMS) - met


@given(streams(), st.integers(0, 5), st.data())
def test_a_negative_is_drawn_by_seed_and_position_and_not_by_who_came_before(
    events: list[StoredEvent], seed: int, data: st.DataObject
) -> None:
    records = plan_records("tiny", events, ITEMS, ALL, seed)
    users = data.draw(st.sets(st.integers(1, 4)))
    alone = plan_records("tiny", [e for e in events if e.user_id in users], ITEMS, ALL, seed)
    assert alone == [record for record in records if record.user in users]


@given(streams(), st.sets(st.sampled_from(Split)))
def test_records_are_the_events_of_the_splits_in_order(
    events: list[StoredEvent], splits: set[Split]
) -> None:
    records = plan_records("tiny", events, ITEMS, frozenset(splits), 0)
    chosen = [e for e in events if e.split in splits]
    assert [(place(r), r.user, r.positive) for r in records] == [
        (e.position, e.user_id, e.item_id) for e in chosen
    ]
    every = {record.id: record for record in plan_records("tiny", events, ITEMS, ALL, 0)}
    assert records == [every[record.id] for record in records]


def test_an_item_that_the_user_takes_later_may_be_a_negative() -> None:
    events = [
        StoredEvent(position=n, user_id=1, item_id=item, split=Split.TRAIN)
        for n, item in enumerate(ITEMS[:-1])
    ]
    records = plan_records("tiny", events, ITEMS, ALL, 0)
    later = {record.positive for record in records}
    assert any(record.negative in later for record in records)
    assert len({record.negative for record in records}) > 2


def test_another_seed_draws_other_negatives() -> None:
    events = [
        StoredEvent(position=n, user_id=n, item_id=ITEMS[0], split=Split.TRAIN) for n in range(20)
    ]
    first, second = (plan_records("tiny", events, ITEMS, ALL, seed) for seed in (0, 1))
    assert [r.negative for r in first] != [r.negative for r in second]


def test_a_user_who_has_met_everything_is_an_error() -> None:
    events = [
        StoredEvent(position=n, user_id=1, item_id=item, split=Split.TRAIN)
        for n, item in enumerate(ITEMS)
    ]
    with pytest.raises(InputError, match="user 'ann' has met every item"):
        plan_records("tiny", events, ITEMS, ALL, 0, {1: "ann"})


@given(record_streams(), st.integers(1, 12), WAITING)
def test_windows_are_the_shortest_runs_that_reach_update_size(
    records: list[Record], update_size: int, waiting: set[int]
) -> None:
    windows = list(cut_windows(records, update_size, waiting))
    assert [record for window in windows for record in window] == records
    for number, window in enumerate(windows):
        before = waiting if number == 0 else set()
        last = number == len(windows) - 1
        assert window
        assert last or len(changed(window, before)) >= update_size
        assert len(window) == 1 or len(changed(window[:-1], before)) < update_size


def changed(window: list[Record], before: set[int]) -> set[int]:
    return before.union(*(record.clients for record in window))


@given(
    records=record_streams(),
    update_size=st.integers(1, 12),
    waiting=WAITING,
    failing=st.sets(st.integers(0, 23)),
    stop=st.integers(0, 23),
)
async def test_commits_one_after_another_claim_the_windows_that_were_cut(
    resources: Resources,
    records: list[Record],
    update_size: int,
    waiting: set[int],
    failing: set[int],
    stop: int,
) -> None:
    if "tiny" not in resources.networks:
        resources.networks["tiny"] = await plant_tiny(resources)
    network = resources.networks["tiny"].id
    planned = list(cut_windows(records, update_size, waiting))
    claimed: list[list[Record]] = [[]]
    before = waiting
    async with resources.pool.connection() as conn, conn.transaction(force_rollback=True):
        await add_pending(conn, network, waiting)
        for record in records:
            if place(record) == stop:  # a run that goes on from here cuts where the first did
                left = cut_windows(records[stop:], update_size, await read_pending(conn, network))
                ends = [window[-1] for window in planned if place(window[-1]) >= stop]
                assert [window[-1] for window in left] == ends
            await write_interaction(conn, network, settled(record, failed=place(record) in failing))
            await add_pending(conn, network, record.clients)
            number = await claim_window(conn, network, update_size)
            claimed[-1].append(record)
            if number is not None:
                members = tuple(sorted(changed(claimed[-1], before)))
                window = await open_window(conn, network)
                assert window is not None
                assert (window.id, window.members) == (len(claimed), members)
                assert await close_window(conn, network, number)
                claimed.append([])
                before = set()
        assert await read_pending(conn, network) == sorted(changed(claimed[-1], before))
    assert [window for window in claimed if window] == planned


def settled(record: Record, *, failed: bool) -> Interaction:
    return Interaction(
        id=record.id,
        user_id=record.user,
        positive_id=record.positive,
        negative_id=record.negative,
        predicted_id=None if failed else record.positive,
        reward=None if failed else 1,
        reason="",
        failure="no usable reply" if failed else "",
    )
