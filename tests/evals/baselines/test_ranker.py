"""The baselines keep the contract of a ranker."""

import pytest

from evals.baselines.random_order import RandomRanker
from evals.baselines.ranker import Ranker
from evals.baselines.scoring import random_order
from evals.baselines.tfidf import TfidfRanker
from state.dataset import Event, Item, Split

ITEMS = (
    Item(key="tea", title="Green tea", category="Drinks"),
    Item(key="pot", title="Tea pot", category="Kitchen"),
    Item(key="cup", title="Blue cup", category="Kitchen"),
    Item(key="cup2", title="Blue cup", category="Kitchen"),
    Item(key="saw", title="Hand saw", category="Tools"),
    Item(key="nil", title=""),
)
KEYS = [item.key for item in ITEMS]


def event(user: str, item: str) -> Event:
    return Event(user=user, item=item, split=Split.FIRST)


@pytest.fixture(params=["random", "tfidf"])
def ranker(request: pytest.FixtureRequest) -> Ranker:
    ranker: Ranker = RandomRanker() if request.param == "random" else TfidfRanker(ITEMS)
    ranker.fit([event("u", "tea"), event("v", "saw")], [])
    return ranker


@pytest.mark.parametrize("user", ["u", "v", "stranger"])
async def test_every_candidate_once_whatever_their_order(ranker: Ranker, user: str) -> None:
    ranking = await ranker.rank(user, KEYS)
    assert sorted(ranking) == sorted(KEYS)
    assert await ranker.rank(user, KEYS[::-1]) == ranking
    assert await ranker.rank(user, tuple(sorted(KEYS))) == ranking


def test_random_orders_differ_by_seed_and_user_and_favour_no_item() -> None:
    orders = {tuple(random_order(KEYS, seed=seed, user="u")) for seed in range(50)}
    assert len(orders) > 40
    assert random_order(KEYS, seed=0, user="u") != random_order(KEYS, seed=0, user="v")
    tops = [random_order(KEYS, seed=seed, user="u")[0] for seed in range(1_200)]
    assert all(150 < tops.count(key) < 250 for key in KEYS)  # 200 expected, sd 13


async def test_tfidf_ranks_by_shared_words() -> None:
    ranker = TfidfRanker(ITEMS)
    ranker.fit([event("u", "tea")], [])
    assert (await ranker.rank("u", ["saw", "cup", "pot"]))[0] == "pot"
    ranker.fit([event("u", "cup")], [])  # a second fit starts afresh
    ranking = await ranker.rank("u", ["saw", "cup2", "pot", "tea"])
    assert ranking[:2] == ["cup2", "pot"]


async def test_tfidf_ties_stand_in_random_order() -> None:
    tops = []
    for seed in range(200):
        ranker = TfidfRanker(ITEMS, seed=seed)
        ranker.fit([event("u", "pot")], [])
        tops.append((await ranker.rank("u", ["cup", "cup2", "saw"]))[0])
    assert set(tops) == {"cup", "cup2"}
    assert 70 < tops.count("cup") < 130


async def test_tfidf_takes_the_mean_of_the_history() -> None:
    ranker = TfidfRanker(ITEMS)
    ranker.fit([event("u", "saw"), event("u", "cup"), event("u", "pot")], [])
    assert (await ranker.rank("u", ["tea", "cup2", "nil"])) == ["cup2", "tea", "nil"]
