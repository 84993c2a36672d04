"""The floor of a training run, by cases worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.floor import (
    RecordWork,
    Stages,
    WindowWork,
    batched_stages,
    floor,
    floor_with_barriers,
    in_series,
    sound_stages,
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
    assert floor([window(*map(record, records))], MANY) == longest


def test_the_longest_chain_is_in_calls_and_not_in_records() -> None:
    # a-b: two records of three calls; x alone takes more, with its merge.
    deep = record("xyz", (1, 1, 1, 1))
    assert floor([window(deep)], MANY) == 4
    assert floor([window(record("abc"), record("bde"), deep)], MANY) == 6
    assert floor([window(record("abc"), deep)], MANY) == 4


def test_windows_and_their_updates_follow_each_other() -> None:
    two = [
        window(record("abc"), record("def"), update=(20, 4)),
        window(record("abc"), record("cde"), update=(20, 0)),
    ]
    assert floor(two, MANY) == (3 + 2) + (6 + 1)
    assert floor_with_barriers(two, MANY) == 12


def test_with_few_calls_at_once_all_calls_over_the_limit_are_the_floor() -> None:
    wide = window(*(record(letter) for letter in "abcdefgh"), update=(16, 0))
    assert wide.calls == 48
    assert floor([wide], 48) == 3 + 1
    assert floor([wide], 4) == 12
    assert floor([wide], 1) == 48
    # 32 calls of records by four at once, then 16 of the update.
    assert floor_with_barriers([wide], 4) == 8 + 4
    # 32 by five: seven rounds, the last of them not full; 16 by five: four.
    assert floor([wide], 5) == 9.6
    assert floor_with_barriers([wide], 5) == 7 + 4


def test_a_narrow_window_cannot_be_made_up_for_by_a_wide_one() -> None:
    narrow = window(record("abc"), record("abd"), record("abe"))  # 12 calls, 9 one after another
    wide = window(*(record(letter) for letter in "abcdefghi"))  # 36 calls, 3 one after another
    assert floor([narrow, wide], 4) == 12
    assert floor_with_barriers([narrow, wide], 4) == 9 + 9


def test_one_stage_of_a_record_may_be_wider_than_the_limit() -> None:
    assert floor([window(record("abc", (3, 1, 1, 6)))], 2) == 5.5
    assert floor_with_barriers([window(record("abc", (3, 1, 1, 6)))], 2) == 2 + 1 + 1 + 3


def test_batches_wait_for_the_slowest_of_each_stage() -> None:
    two = [
        window(record("abc"), record("abd", (2, 1, 1, 1)), record("xyz"), update=(20, 4)),
        window(record("abc"), update=(20, 0)),
    ]
    # All four records in one batch, though three of them share clients; then both updates.
    assert batched_stages(two, 20) == [2, 4, 4, 7, 20, 4, 20, 0]
    assert in_series(batched_stages(two, 20), MANY) == 4 + 2 + 1
    assert in_series(batched_stages(two, 20), 4) == (1 + 1 + 1 + 2) + (5 + 1) + 5
    # By two records: the first update follows the batch in which its window ends.
    assert batched_stages(two, 2) == [2, 2, 2, 3, 0, 2, 2, 4, 20, 4, 20, 0]
    # One that keeps the network: abc | abd, xyz | update | abc | update.
    assert sound_stages(two, 20) == [0, 1, 1, 2, 2, 2, 2, 3, 20, 4, 0, 1, 1, 2, 20, 0]


def test_a_sound_batch_ends_only_before_a_record_that_shares_a_client_with_it() -> None:
    run = [window(record("abc"), record("abd"), record("cxy"), record("efg"))]  # abc | abd cxy efg
    assert sound_stages(run, 20) == [0, 1, 1, 2, 0, 3, 3, 6]
    assert sound_stages(run, 2) == [0, 1, 1, 2, 0, 2, 2, 4, 0, 1, 1, 2]


@given(runs(), st.integers(1, 40))
def test_the_floor_with_barriers_is_the_tighter_one_and_sound_stages_do_not_beat_it(
    run: list[WindowWork], limit: int
) -> None:
    tight = floor_with_barriers(run, limit)
    assert floor(run, limit) <= tight <= in_series(sound_stages(run, 20), limit)
    calls = sum(window.calls for window in run)
    assert tight <= calls
    assert floor_with_barriers(run, 1) == calls == sum(batched_stages(run, 20))
    assert calls == sum(sound_stages(run, 20))
