"""Popularity, item-KNN and BPR learn what they say, from what they are fitted on alone."""

import sys
from statistics import fmean

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from evals.baselines.bpr import BprRanker
from evals.baselines.interaction_matrix import interaction_matrix
from evals.baselines.item_knn import ItemKnnRanker
from evals.baselines.pop import PopRanker
from evals.baselines.ranker import Ranker
from evals.candidates import Negatives, draw_tasks
from evals.datasets.registry import read_dataset
from evals.datasets.splits import history, seen_items
from evals.ranking import rank_all
from state.dataset import Event, Split
from state.errors import InputError
from state.randomness import draw
from tests.support.paths import CDS


def events(**baskets: str) -> list[Event]:
    """Return an event for each letter of each user's basket."""
    return [
        Event(user=user, item=item, split=Split.TRAIN)
        for user, basket in baskets.items()
        for item in basket
    ]


async def test_pop_puts_first_what_most_users_took() -> None:
    ranker = PopRanker()
    ranker.fit(events(u="abc", v="ab"), events(w="a"))
    assert await ranker.rank("anyone", "cbaz") == ["a", "b", "c", "z"]
    ranker.fit(events(u="z"), [])  # a second fit starts afresh
    assert (await ranker.rank("anyone", "cbaz"))[0] == "z"


def test_an_event_that_is_there_twice_counts_once() -> None:
    taken = interaction_matrix(events(u="ab", v="b") + events(u="a"))
    assert (taken.users, taken.items) == ({"u": 0, "v": 1}, {"a": 0, "b": 1})
    assert taken.matrix.toarray().tolist() == [[1, 1], [0, 1]]


async def test_items_are_near_that_the_same_users_took() -> None:
    ranker = ItemKnnRanker(shrinkage=0)
    ranker.fit(events(u="ab", v="abd", w="ce"), events(x="a"))
    # Of what x did not take, b shares two users with a, d one, and c and e share none.
    assert (await ranker.rank("x", "bcd"))[:2] == ["b", "d"]
    assert (await ranker.rank("w", "abe"))[0] == "e"


async def test_shrinkage_trusts_what_few_users_took_less() -> None:
    # With a, c was taken by its one user, b by two of its five: cosine 1/√3 against 2/√15.
    world = events(u="abc", v="ab", w="b", x="b", y="b", z="a")
    for shrinkage, first in ((0, "c"), (10, "b")):
        ranker = ItemKnnRanker(shrinkage=shrinkage)
        ranker.fit(world, [])
        assert (await ranker.rank("z", "bc"))[0] == first


async def test_only_an_items_neighbours_count() -> None:
    # d shares two users with a and one with b: with one neighbour it is not near to b, and no
    # nearer to y than an item of which nothing is known.
    for neighbours, firsts in ((1, {"d", "?"}), (2, {"d"})):
        found = set()
        for seed in range(20):
            ranker = ItemKnnRanker(neighbours=neighbours, shrinkage=0, seed=seed)
            ranker.fit(events(u="ad", v="ad", w="bd", x="bc", y="b"), [])
            found.add((await ranker.rank("y", "d?"))[0])
        assert found == firsts


@pytest.mark.parametrize("seed", range(3))
async def test_item_knn_is_the_cosine_of_scikit_learn(seed: int) -> None:
    chance = np.random.default_rng(seed)
    taken = chance.random((30, 25)) < 0.2
    world = [
        Event(user=f"u{user}", item=f"i{item}", split=Split.TRAIN)
        for user, item in np.argwhere(taken)
    ]
    similar = cosine_similarity(taken.T)
    np.fill_diagonal(similar, 0)
    scores = taken @ similar
    ranker = ItemKnnRanker(neighbours=25, shrinkage=0)
    ranker.fit(world, [])
    for user in range(30):
        ranking = await ranker.rank(f"u{user}", [f"i{item}" for item in range(25)])
        own = [scores[user, int(key[1:])] for key in ranking]
        assert own == pytest.approx(sorted(own, reverse=True))


def two_worlds() -> list[Event]:
    """Return 40 users who each take five of the ten items of their own half."""
    return [
        Event(user=f"u{user}", item=f"{half}{at}", split=Split.TRAIN)
        for user in range(40)
        for half in ("ab"[user % 2],)
        for at in draw(0, user).sample(range(10), 5)
    ]


async def test_bpr_learns_who_belongs_where() -> None:
    ranker = BprRanker()
    ranker.fit(two_worlds(), [])
    items = [f"{half}{at}" for half in "ab" for at in range(10)]
    for user in range(40):
        top = (await ranker.rank(f"u{user}", items))[:10]
        assert sum(key.startswith("ab"[user % 2]) for key in top) >= 9
    assert (await ranker.rank("u0", ["z", "b1"])) == ["b1", "z"]  # nobody took z


async def test_bpr_is_the_same_by_seed() -> None:
    items = [f"a{at}" for at in range(10)]

    async def rankings(seed: int) -> list[list[str]]:
        ranker = BprRanker(seed=seed, epochs=20)
        ranker.fit(two_worlds(), [])
        return [await ranker.rank(f"u{user}", items) for user in range(10)]

    first = await rankings(0)
    assert await rankings(0) == first
    assert await rankings(1) != first


def test_bpr_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "implicit"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "implicit", None)
    with pytest.raises(InputError, match=r"BPR .*`pip install -e '\.\[baselines\]'`"):
        BprRanker()


@pytest.mark.skipif(not CDS.exists(), reason="the shared AgentCF sample is not on this machine")
@pytest.mark.parametrize(
    ("ranker", "low", "high"),
    [(PopRanker(), 0.48, 0.57), (ItemKnnRanker(), 0.48, 0.57), (BprRanker(), 0.46, 0.55)],
    ids=lambda value: getattr(value, "name", None),
)
async def test_the_validation_of_the_agentcf_sample_is_what_was_measured(
    ranker: Ranker, low: float, high: float
) -> None:
    dataset = read_dataset(CDS, domain="CDs")
    known = history(dataset, Split.VALID)
    ranker.fit(*known)
    drawn = draw_tasks(dataset, Split.VALID, kind=Negatives.SAMPLED, seen=seen_items(known))
    result = await rank_all(ranker, drawn)
    assert low < fmean(result.user_means(10).values()) < high
