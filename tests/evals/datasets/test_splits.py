"""Leave-one-out and what may be known before a prediction."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.datasets.splits import (
    history,
    leave_one_out,
    seen_items,
    split_in_time,
    targets,
)
from state.dataset import Dataset, Event, Item, Split
from state.errors import InputError

FIRST, TRAIN, VALID, TEST = Split.FIRST, Split.TRAIN, Split.VALID, Split.TEST


@pytest.mark.parametrize(
    ("count", "parts"),
    [
        (0, []),
        (1, [FIRST]),
        (2, [FIRST, TEST]),
        (3, [FIRST, VALID, TEST]),
        (4, [FIRST, TRAIN, VALID, TEST]),
        (6, [FIRST, TRAIN, TRAIN, TRAIN, VALID, TEST]),
    ],
)
def test_the_last_event_is_the_test(count: int, parts: list[Split]) -> None:
    assert leave_one_out(count) == parts


def test_at_one_moment_by_hand() -> None:
    # Ten events: the moment is at 9, which leaves those at 9 and 10 for later.
    times = [[1, 2, 3, 4, 9], [5, 10], [6], [7, 8], []]
    assert split_in_time(times) == [
        [FIRST, TRAIN, TRAIN, VALID, TEST],
        [FIRST, TEST],
        [FIRST],
        [FIRST, VALID],
        [],
    ]
    assert split_in_time([[1, 2, 3], [5, 6, 7], [8, 9], [3, 9]], later=0.5) == [
        [FIRST, TRAIN, VALID],
        [FIRST, TEST, None],
        [None, None],
        [FIRST, TEST],
    ]


@given(
    st.lists(
        st.lists(st.integers(0, 30), min_size=1, max_size=8).map(sorted), min_size=1, max_size=8
    )
)
def test_nothing_that_is_learned_from_is_later_than_a_test(lived: list[list[int]]) -> None:
    times = [[float(time) for time in own] for own in lived]
    parts = split_in_time(times)
    assert list(map(len, parts)) == list(map(len, times))
    told = [pair for both in zip(times, parts, strict=True) for pair in zip(*both, strict=True)]
    known = [time for time, part in told if part in (FIRST, TRAIN, VALID)]
    held_out = [time for time, part in told if part is TEST]
    if known and held_out:
        assert max(known) < min(held_out)
    assert 5 * (len(told) - len(known)) >= len(told)
    for own in parts:
        kept = [part for part in own if part is not None]
        assert kept == [
            part for part in (FIRST, TRAIN, VALID, TEST) for _ in range(kept.count(part))
        ]
        assert kept.count(TEST) <= 1
        assert kept.count(VALID) <= 1
        assert not kept or kept[0] is FIRST
    assert set(chain(*parts)) <= {FIRST, TRAIN, VALID, TEST, None}


def dataset() -> Dataset:
    parts = {"u": leave_one_out(4), "v": leave_one_out(2)}
    events = [
        Event(user=user, item=f"{user}{at}", split=split)
        for user, splits in parts.items()
        for at, split in enumerate(splits)
    ]
    items = tuple(Item(key=event.item, title="") for event in events)
    return Dataset(name="d", domain="books", items=items, events=tuple(events))


def test_each_split_knows_only_what_came_before_it() -> None:
    world = dataset()
    before = history(world, VALID)
    assert [event.item for event in before.train] == ["u0", "u1", "v0"]
    assert before.valid == []
    assert [event.item for event in targets(world, VALID)] == ["u2"]
    later = history(world, TEST)
    assert (later.train, later.valid) == (before.train, targets(world, VALID))
    assert [event.item for event in targets(world, TEST)] == ["u3", "v1"]
    assert seen_items(before) == {"u0", "u1", "v0"}
    assert seen_items(later) == {"u0", "u1", "u2", "v0"}


@pytest.mark.parametrize("split", [FIRST, TRAIN])
def test_other_splits_are_not_evaluated(split: Split) -> None:
    with pytest.raises(InputError, match=f"not '{split}'"):
        history(dataset(), split)
    with pytest.raises(InputError, match=f"not '{split}'"):
        targets(dataset(), split)
