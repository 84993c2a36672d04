"""Which events are taken of a data set, by hand and against what k-core means."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.datasets.reader import DataError, Extent, Keep, ReadOptions, ReadResult
from evals.datasets.registry import read_with_notes
from state.errors import InputError

Pairs = list[tuple[str, str]]


def read(folder: Path, events: Pairs, **options: Any) -> ReadResult:  # noqa: ANN401 - as ReadOptions
    """Read events, one second apart, of a catalogue of the items a to z."""
    items = "".join(f"{key}\tTitle {key}\n" for key in "abcdefghijklmnopqrstuvwxyz")
    rows = "".join(f"{user}\t{item}\t{at}\n" for at, (user, item) in enumerate(events))
    (folder / "w.item").write_text(f"item_id:token\ttitle:token_seq\n{items}")
    (folder / "w.inter").write_text(f"user_id:token\titem_id:token\ttimestamp:float\n{rows}")
    return read_with_notes(folder, options=ReadOptions(**options))


def taken(found: ReadResult) -> Pairs:
    return [(event.user, event.item) for event in found.dataset.events]


def of(words: str) -> Pairs:
    return [(word[0], word[1]) for word in words.split()]


def test_a_repeated_pair_needs_a_choice(tmp_path: Path) -> None:
    events = of("ua ub va ua ua")
    with pytest.raises(DataError) as error:
        read(tmp_path, events)
    assert str(error.value) == (
        "w.inter:5: user 'u' already has item 'a' (w.inter:2); 2 of 5 events repeat a pair of user "
        "and item: --keep first or --keep last leaves one of each"
    )
    first = read(tmp_path, events, keep=Keep.FIRST)
    assert taken(first) == of("ua ub va")
    assert "events dropped: 2 of repeated pairs (the first is kept)" in first.notes
    assert taken(read(tmp_path, events, keep=Keep.LAST)) == of("ub va ua")


def test_unknown_items_need_a_choice(tmp_path: Path) -> None:
    events = [*of("ua ub"), ("u", "none"), ("v", "none")]
    with pytest.raises(DataError) as error:
        read(tmp_path, events)
    assert str(error.value) == (
        "w.inter:4: item 'none' is not in the catalogue, as 2 of 4 events; "
        "--skip-unknown leaves such events out"
    )
    found = read(tmp_path, events, skip_unknown=True)
    assert taken(found) == of("ua ub")
    assert "events dropped: 2 of items that are not in the catalogue" in found.notes


def test_a_core_is_taken_again_until_it_holds(tmp_path: Path) -> None:
    # Without w's single event item c has one taker; without that, v has one item.
    found = read(tmp_path, of("ua ub va vc wc xa xb"), k_core=2)
    assert taken(found) == of("ua ub xa xb")
    assert [item.key for item in found.dataset.items] == ["a", "b"]
    assert found.notes[-2:] == (
        "events dropped: 3 outside the 2-core",
        "items: the 2 of 26 with an event; --catalogue whole takes all",
    )
    with pytest.raises(DataError, match="no event is left; dropped were 7 outside the 3-core"):
        read(tmp_path, of("ua ub va vc wc xa xb"), k_core=3)


@given(st.sets(st.tuples(st.sampled_from("stuvw"), st.sampled_from("abcde")), min_size=1))
def test_a_core_is_the_largest_in_which_all_have_enough(
    tmp_path_factory: pytest.TempPathFactory, events: set[tuple[str, str]]
) -> None:
    left = set(events)
    while few := {
        (user, item)
        for user, item in left
        if Counter(u for u, _ in left)[user] < 3 or Counter(i for _, i in left)[item] < 3
    }:
        left -= few
    folder = tmp_path_factory.mktemp("core")
    if left:
        assert set(taken(read(folder, sorted(events), k_core=3))) == left
    else:
        with pytest.raises(DataError, match="no event is left"):
            read(folder, sorted(events), k_core=3)


def test_a_sample_has_as_many_users_with_as_many_last_events(tmp_path: Path) -> None:
    events = [(user, item) for item in "abcd" for user in "pqrstu"] + of("va vb")
    found = read(tmp_path, events, sample_users=3, events_per_user=3)
    users = {user for user, _ in taken(found)}
    assert len(users) == 3
    assert "v" not in users
    assert Counter(item for _, item in taken(found)) == {"b": 3, "c": 3, "d": 3}
    assert taken(read(tmp_path, events, sample_users=3, events_per_user=3)) == taken(found)
    again = {
        user for user, _ in taken(read(tmp_path, events[::-1], sample_users=3, events_per_user=3))
    }
    assert again == users  # the draw does not depend on the order of the file
    others = read(tmp_path, events, sample_users=3, events_per_user=3, seed=1)
    assert {user for user, _ in taken(others)} != users
    assert (
        "events dropped: 2 of users with fewer than 3, 12 of users outside the sample, "
        "3 before each user's last 3"
    ) in found.notes
    with pytest.raises(InputError, match=r"^--sample-users 8: only 7 users can be drawn$"):
        read(tmp_path, events, sample_users=8)


def test_a_catalogue_is_kept_or_cut_down(tmp_path: Path) -> None:
    events = of("ua ub va vb")
    assert len(read(tmp_path, events).dataset.items) == 26
    assert len(read(tmp_path, events, catalogue=Extent.USED).dataset.items) == 2
    assert len(read(tmp_path, events, k_core=2).dataset.items) == 2
    assert len(read(tmp_path, events, k_core=2, catalogue=Extent.WHOLE).dataset.items) == 26


def test_choices_are_for_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="planted:1: a planted world is taken whole"):
        read_with_notes("planted:1", options=ReadOptions(k_core=5))
    with pytest.raises(InputError, match="planted:1: a planted world is taken whole"):
        read_with_notes("planted:1", options=ReadOptions(items=tmp_path))
