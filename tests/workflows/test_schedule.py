"""Records and windows follow from ids alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.domain import Split
from state.errors import InputError
from state.store.events import StoredEvent
from workflows.schedule import Record, cut_windows, plan_records

ITEMS = list(range(100, 112))
ALL = frozenset(Split)


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


@st.composite
def record_streams(draw: st.DrawFn) -> list[Record]:
    """Draw records over few clients, so that windows of several records come about."""
    ids = st.integers(1, 9)
    triples = draw(st.lists(st.tuples(ids, ids, ids), max_size=40))
    return [
        Record(position=n, user=user, positive=10 + positive, negative=20 + negative)
        for n, (user, positive, negative) in enumerate(triples)
    ]


@given(streams(), st.integers(0, 5))
def test_a_negative_is_an_item_that_the_user_has_not_met_so_far(
    events: list[StoredEvent], seed: int
) -> None:
    for record in plan_records(events, ITEMS, ALL, seed):
        met = {
            e.item_id for e in events if e.user_id == record.user and e.position <= record.position
        }
        assert record.positive in met
        assert record.negative in set(ITEMS) - met


@given(streams(), st.integers(0, 5), st.data())
def test_a_negative_is_drawn_by_seed_and_position_and_not_by_who_came_before(
    events: list[StoredEvent], seed: int, data: st.DataObject
) -> None:
    records = plan_records(events, ITEMS, ALL, seed)
    users = data.draw(st.sets(st.integers(1, 4)))
    alone = plan_records([e for e in events if e.user_id in users], ITEMS, ALL, seed)
    assert alone == [record for record in records if record.user in users]


@given(streams(), st.sets(st.sampled_from(Split)))
def test_records_are_the_events_of_the_splits_in_order(
    events: list[StoredEvent], splits: set[Split]
) -> None:
    records = plan_records(events, ITEMS, frozenset(splits), 0)
    chosen = [e for e in events if e.split in splits]
    assert [(r.position, r.user, r.positive) for r in records] == [
        (e.position, e.user_id, e.item_id) for e in chosen
    ]
    every = {record.position: record for record in plan_records(events, ITEMS, ALL, 0)}
    assert records == [every[record.position] for record in records]


def test_an_item_that_the_user_takes_later_may_be_a_negative() -> None:
    events = [
        StoredEvent(position=n, user_id=1, item_id=item, split=Split.TRAIN)
        for n, item in enumerate(ITEMS[:-1])
    ]
    records = plan_records(events, ITEMS, ALL, 0)
    later = {record.positive for record in records}
    assert any(record.negative in later for record in records)
    assert len({record.negative for record in records}) > 2


def test_another_seed_draws_other_negatives() -> None:
    events = [
        StoredEvent(position=n, user_id=n, item_id=ITEMS[0], split=Split.TRAIN) for n in range(20)
    ]
    first, second = (plan_records(events, ITEMS, ALL, seed) for seed in (0, 1))
    assert [r.negative for r in first] != [r.negative for r in second]


def test_a_user_who_has_met_everything_is_an_error() -> None:
    events = [
        StoredEvent(position=n, user_id=1, item_id=item, split=Split.TRAIN)
        for n, item in enumerate(ITEMS)
    ]
    with pytest.raises(InputError, match="every item"):
        plan_records(events, ITEMS, ALL, 0)


@given(record_streams(), st.integers(1, 12), st.sets(st.integers(1, 9), max_size=8))
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
