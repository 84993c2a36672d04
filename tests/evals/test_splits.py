"""Leave-one-out and what may be known before a prediction."""

import pytest

from evals.splits import history, leave_one_out, round_robin, seen_items, targets
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


def test_round_robin_takes_everyones_kth_in_turn() -> None:
    assert list(round_robin(["ace", "", "b", "df"])) == ["a", "b", "d", "c", "f", "e"]


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
