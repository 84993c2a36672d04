"""Candidates: the right items, the right number, and only their key decides."""

from collections import Counter
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from evals.baselines.pop import PopRanker
from evals.baselines.probes import LeastPopularRanker
from evals.baselines.random_order import RandomRanker
from evals.candidates import SHOWN, Negatives, draw_candidates, draw_tasks
from evals.datasets.splits import history, leave_one_out
from evals.metrics import expected_random
from evals.ranking import rank_all
from state.dataset import Dataset, Event, Item, Split

KEYS = st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, min_size=1, max_size=40)


@given(KEYS, st.data(), st.integers(0, 99))
def test_only_qualified_items_stand_beside_the_target(
    catalogue: list[str], data: st.DataObject, seed: int
) -> None:
    target = data.draw(st.sampled_from(catalogue))
    history = data.draw(st.sets(st.sampled_from(catalogue))) | {target}
    marks = data.draw(st.none() | st.dictionaries(st.sampled_from(catalogue), st.integers(0, 1)))

    def drawn(order: list[str]) -> tuple[str, ...] | None:
        return draw_candidates(
            target,
            user="u",
            catalogue=order,
            history=history,
            seed=seed,
            purpose="p",
            status=None if marks is None else marks.get,
        )

    qualified = set(catalogue) - history
    if marks is not None:
        qualified = {key for key in qualified if marks.get(key) == marks.get(target)}
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


def test_a_users_tasks_do_not_depend_on_the_other_users() -> None:
    many, few = world(users=6), world(users=2)
    tasks = draw_tasks(many, Split.TEST, kind=Negatives.SAMPLED, seen=set())
    alone = draw_tasks(few, Split.TEST, kind=Negatives.SAMPLED, seen=set(), draws=(2, 0))
    assert set(alone.tasks) <= set(tasks.tasks)
    assert (tasks.size, len(tasks.tasks), len(alone.tasks)) == (10, 18, 4)


def test_draws_splits_seeds_and_kinds_differ() -> None:
    dataset = world()
    seen = {item.key for item in dataset.items}  # all of them: the kinds differ by key alone
    drawn = {
        (task.user, frozenset(task.candidates) - {task.target})
        for kind in SHOWN
        for split in (Split.VALID, Split.TEST)
        for seed in (0, 1)
        for task in draw_tasks(dataset, split, kind=kind, seen=seen, seed=seed).tasks
    }
    assert len(drawn) == 2 * 2 * 2 * 18


def test_users_without_enough_matched_negatives_are_left_out_and_named() -> None:
    dataset = world(users=2, items=20)
    # The target of u0 is i4, which u1 took in training: beside its own history only i5 and i6 were
    # taken too. That of u1 is i7: nobody took it, as nobody did i8 to i19.
    seen = {f"i{at}" for at in range(7)}
    tasks = draw_tasks(dataset, Split.TEST, kind=Negatives.MATCHED, seen=seen)
    assert tasks.left_out == ("u0",)
    assert [task.user for task in tasks.tasks] == ["u1"] * 3
    assert not seen & {key for task in tasks.tasks for key in task.candidates}
    sampled = draw_tasks(dataset, Split.TEST, kind=Negatives.SAMPLED, seen=seen)
    assert sampled.left_out == ()


def test_a_target_is_never_a_negative_of_the_same_users_other_split() -> None:
    dataset = world()
    for task in draw_tasks(dataset, Split.VALID, kind=Negatives.SAMPLED, seen=set()).tasks:
        own = {event.item for event in dataset.events if event.user == task.user}
        assert set(task.candidates) & own == {task.target}


def fresh_world(users: int = 60) -> tuple[Dataset, frozenset[str]]:
    """Return a world whose targets are new to it, and what its training records are about.

    Each user takes four of the forty items that all know, then one that nobody took. Half of those
    forty and half of the new ones were drawn as negatives in training.
    """
    known, new = [f"k{at}" for at in range(40)], [f"n{at}" for at in range(users)]
    events = [
        Event(user=f"u{user}", item=item, split=split)
        for user in range(users)
        for item, split in zip(
            [*(known[(user * 7 + at * 3) % 40] for at in range(4)), new[user]],
            leave_one_out(5),
            strict=True,
        )
    ]
    items = tuple(Item(key=key, title="") for key in [*known, *new])
    dataset = Dataset(name="fresh", domain="books", items=items, events=tuple(events))
    return dataset, frozenset([*known, *new[::2]])


async def test_popularity_does_not_tell_a_new_target_from_matched_negatives() -> None:
    dataset, seen = fresh_world()
    ranker = LeastPopularRanker()
    ranker.fit(*history(dataset, Split.TEST))
    means = {
        kind: fmean((await rank_all(ranker, tasks)).user_means(10).values())
        for kind in Negatives
        for tasks in (draw_tasks(dataset, Split.TEST, kind=kind, seen=seen, draws=range(10)),)
    }
    assert means[Negatives.SAMPLED] > 0.5
    for kind in (Negatives.MATCHED, Negatives.EQUAL):
        assert abs(means[kind] - expected_random(10, 10)) < 0.03  # four standard errors


def hit_world(users: int = 40) -> Dataset:
    """Return a world whose targets are hits: two took each before, and one each other item."""
    events = [
        Event(user=f"u{user}", item=item, split=split)
        for user in range(users)
        for item, split in zip(
            (f"r{2 * user}", f"r{2 * user + 1}", f"h{user % 20}", f"h{(user + 5) % 20}"),
            leave_one_out(4),
            strict=True,
        )
    ]
    items = tuple(Item(key=key, title="") for key in sorted({event.item for event in events}))
    return Dataset(name="hits", domain="books", items=items, events=tuple(events))


async def test_popularity_tells_a_hit_from_matched_and_not_from_equal_negatives() -> None:
    dataset = hit_world()
    seen = {item.key for item in dataset.items}
    matched, equal = (
        draw_tasks(dataset, Split.TEST, kind=kind, seen=seen)
        for kind in (Negatives.MATCHED, Negatives.EQUAL)
    )
    assert all(key.startswith("h") for task in equal.tasks for key in task.candidates)
    pop, chance = PopRanker(), RandomRanker()
    pop.fit(*history(dataset, Split.TEST))
    assert fmean((await rank_all(pop, matched)).user_means(10).values()) > 0.7
    assert (await rank_all(pop, equal)).ranks == (await rank_all(chance, equal)).ranks


def test_an_equal_negative_was_drawn_in_training_if_the_target_was() -> None:
    dataset, seen = fresh_world()  # no target was taken before
    for task in draw_tasks(dataset, Split.TEST, kind=Negatives.EQUAL, seen=seen).tasks:
        assert all(key.startswith("n") for key in task.candidates)
        assert len({key in seen for key in task.candidates}) == 1
