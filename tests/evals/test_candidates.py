"""Candidates: the right items, the right number, and only their key decides."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from evals.candidates import Negatives, draw_candidates, draw_cases
from evals.splits import leave_one_out
from state.dataset import Dataset, Event, Item, Split

KEYS = st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, min_size=1, max_size=40)


@given(KEYS, st.data(), st.integers(0, 99))
def test_only_qualified_items_stand_beside_the_target(
    catalogue: list[str], data: st.DataObject, seed: int
) -> None:
    target = data.draw(st.sampled_from(catalogue))
    history = data.draw(st.sets(st.sampled_from(catalogue))) | {target}
    seen = data.draw(st.none() | st.sets(st.sampled_from(catalogue)))

    def drawn(order: list[str]) -> tuple[str, ...] | None:
        return draw_candidates(
            target,
            user="u",
            catalogue=order,
            history=history,
            seed=seed,
            purpose="p",
            seen=seen,
        )

    qualified = set(catalogue) - history
    if seen is not None:
        qualified = {key for key in qualified if (key in seen) == (target in seen)}
    candidates = drawn(catalogue)
    if len(qualified) < 9:
        assert candidates is None
        return
    assert candidates is not None
    assert len(candidates) == len(set(candidates)) == 10
    assert set(candidates) - {target} <= qualified
    assert target in candidates
    assert drawn(catalogue[::-1]) == candidates


def test_every_place_and_every_negative_is_equally_likely() -> None:
    catalogue = [f"i{at}" for at in range(21)]
    places: Counter[int] = Counter()
    drawn: Counter[str] = Counter()
    for seed in range(2_000):
        candidates = draw_candidates(
            "i0", user="u", catalogue=catalogue, history={"i20"}, seed=seed, purpose="p"
        )
        assert candidates is not None
        places[candidates.index("i0")] += 1
        drawn.update(candidates)
    del drawn["i0"]
    assert len(places) == 10
    assert all(150 < count < 250 for count in places.values())  # 200 expected, sd 13
    assert len(drawn) == 19
    assert all(840 < count < 1055 for count in drawn.values())  # 947 expected, sd 22


def world(users: int = 6, items: int = 40, length: int = 5) -> Dataset:
    events = [
        Event(user=f"u{user}", item=f"i{(user * 3 + at) % items}", split=split)
        for user in range(users)
        for at, split in enumerate(leave_one_out(length))
    ]
    catalogue = tuple(Item(key=f"i{at}", title="") for at in range(items))
    return Dataset(name="d", domain="books", items=catalogue, events=tuple(events))


def test_a_users_cases_do_not_depend_on_the_other_users() -> None:
    many, few = world(users=6), world(users=2)
    for kind in Negatives:
        seen = {f"i{at}" for at in range(25)}
        cases = draw_cases(many, Split.TEST, kind=kind, seen=seen)
        alone = draw_cases(few, Split.TEST, kind=kind, seen=seen, draws=(2, 0))
        assert set(alone.cases) <= set(cases.cases)
        assert (cases.size, len(cases.cases), len(alone.cases)) == (10, 18, 4)


def test_draws_splits_seeds_and_kinds_differ() -> None:
    dataset = world()
    seen = {item.key for item in dataset.items}  # all of them: the kinds differ by key alone
    drawn = {
        (case.user, frozenset(case.candidates) - {case.target})
        for kind in Negatives
        for split in (Split.VALID, Split.TEST)
        for seed in (0, 1)
        for case in draw_cases(dataset, split, kind=kind, seen=seen, seed=seed).cases
    }
    assert len(drawn) == 2 * 2 * 2 * 18


def test_users_without_enough_matched_negatives_are_left_out_and_named() -> None:
    dataset = world(users=2, items=20)
    # The target of u0 is i4: seen, and beside its own history only i5 is. That of u1 is i7: unseen,
    # as are i8 to i19, which it did not take.
    seen = {f"i{at}" for at in range(6)}
    cases = draw_cases(dataset, Split.TEST, kind=Negatives.MATCHED, seen=seen)
    assert cases.left_out == ("u0",)
    assert [case.user for case in cases.cases] == ["u1"] * 3
    assert not seen & {key for case in cases.cases for key in case.candidates}
    sampled = draw_cases(dataset, Split.TEST, kind=Negatives.SAMPLED, seen=seen)
    assert sampled.left_out == ()


def test_a_target_is_never_a_negative_of_the_same_users_other_split() -> None:
    dataset = world()
    for case in draw_cases(dataset, Split.VALID, kind=Negatives.SAMPLED, seen=set()).cases:
        own = {event.item for event in dataset.events if event.user == case.user}
        assert set(case.candidates) & own == {case.target}
