"""The lower bounds of a training run, by cases worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bounds import (
    RecordWork,
    Stages,
    WindowWork,
    lower_bound,
    windowed_lower_bound,
)

PLAIN = (0, 1, 1, 2)
"""No message to merge, a prediction, a gradient, two rewrites at once: three calls deep."""
MANY = 1_000


def record(clients: str, stages: Stages = PLAIN) -> RecordWork:
    """Return the work of a record whose clients are letters."""
    return RecordWork(clients=frozenset(map(ord, clients)), stages=stages)


def window(*records: RecordWork, update: Stages = ()) -> WindowWork:
    return WindowWork(records=records, update=update)


@st.composite
def runs(draw: st.DrawFn) -> list[WindowWork]:
    """Draw a few windows over few clients."""
    clients = st.sets(st.integers(1, 9), min_size=3, max_size=3).map(frozenset)
    stages = st.tuples(st.integers(0, 3), st.just(1), st.just(1), st.integers(0, 6))
    record_works = st.builds(RecordWork, clients=clients, stages=stages)
    updates = st.tuples(st.integers(1, 30), st.integers(0, 5))
    return draw(
        st.lists(
            st.builds(
                WindowWork,
                records=st.lists(record_works, min_size=1, max_size=8).map(tuple),
                update=updates,
            ),
            max_size=4,
        )
    )


@pytest.mark.parametrize(
    ("records", "longest"),
    [
        (("abc",), 3),
        (("abc", "def"), 3),
        (("abc", "cde"), 6),
        (("abc", "def", "ghi", "beh"), 6),
        (("abc", "def", "adx"), 6),
        (("abc", "bde", "exy", "fgh"), 9),
        (("abc", "bde", "fgh", "fxe"), 9),
    ],
)
def test_records_that_share_a_client_wait_for_each_other(
    records: tuple[str, ...], longest: int
) -> None:
    assert lower_bound([window(*map(record, records))], MANY) == longest


def test_the_longest_chain_is_in_calls_and_not_in_records() -> None:
    # a-b: two records of three calls; x alone takes more, with its merge.
    deep = record("xyz", (1, 1, 1, 1))
    assert lower_bound([window(deep)], MANY) == 4
    assert lower_bound([window(record("abc"), record("bde"), deep)], MANY) == 6
    assert lower_bound([window(record("abc"), deep)], MANY) == 4


def test_windows_and_their_updates_follow_each_other() -> None:
    two = [
        window(record("abc"), record("def"), update=(20, 4)),
        window(record("abc"), record("cde"), update=(20, 0)),
    ]
    assert lower_bound(two, MANY) == (3 + 2) + (6 + 1)
    assert windowed_lower_bound(two, MANY) == 12


def test_with_few_calls_at_once_all_calls_over_the_limit_are_the_bound() -> None:
    wide = window(*(record(letter) for letter in "abcdefgh"), update=(16, 0))
    assert wide.calls == 48
    assert lower_bound([wide], 48) == 3 + 1
    assert lower_bound([wide], 4) == 12
    assert lower_bound([wide], 1) == 48
    # 32 calls of records by four at once, then 16 of the update.
    assert windowed_lower_bound([wide], 4) == 8 + 4
    # 32 by five: seven rounds, the last of them not full; 16 by five: four.
    assert lower_bound([wide], 5) == 9.6
    assert windowed_lower_bound([wide], 5) == 7 + 4


def test_a_narrow_window_cannot_be_made_up_for_by_a_wide_one() -> None:
    narrow = window(record("abc"), record("abd"), record("abe"))  # 12 calls, 9 one after another
    wide = window(*(record(letter) for letter in "abcdefghi"))  # 36 calls, 3 one after another
    assert lower_bound([narrow, wide], 4) == 12
    assert windowed_lower_bound([narrow, wide], 4) == 9 + 9


def test_one_stage_of_a_record_may_be_wider_than_the_limit() -> None:
    assert lower_bound([window(record("abc", (3, 1, 1, 6)))], 2) == 5.5
    assert windowed_lower_bound([window(record("abc", (3, 1, 1, 6)))], 2) == 2 + 1 + 1 + 3


@given(runs(), st.integers(1, 40))
def test_the_windowed_bound_is_the_tighter_one(run: list[WindowWork], limit: int) -> None:
    tight = windowed_lower_bound(run, limit)
    assert lower_bound(run, limit) <= tight
    calls = sum(window.calls for window in run)
    assert tight <= calls
    assert windowed_lower_bound(run, 1) == calls
