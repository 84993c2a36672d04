"""Evaluation hands out no target, and reads off ranks that agree with what is known."""

import asyncio
from collections.abc import Sequence
from statistics import fmean

import pytest

from evals.baselines.random_order import RandomRanker
from evals.baselines.ranker import ContractError
from evals.baselines.tfidf import TfidfRanker
from evals.candidates import Negatives, RankingTask, RankingTasks, draw_tasks
from evals.datasets.registry import read_dataset
from evals.datasets.splits import history, seen_items
from evals.ranking import RankingResult, pool, rank_all
from state.dataset import Event, Split
from tests.support.paths import CDS


class Recorder:
    """Ranks alphabetically and keeps what it was given and what it answered."""

    name = "Recorder"

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
        self.open = 0
        self.most_open = 0

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        pass

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        ranking = sorted(candidates)
        self.calls.append((user, tuple(candidates), tuple(ranking)))
        return ranking


def tasks(*made: RankingTask) -> RankingTasks:
    return RankingTasks(Split.TEST, Negatives.SAMPLED, 3, made, ("left",))


TWO_USERS = tasks(
    RankingTask("u", ("b", "a", "c"), "a"),
    RankingTask("v", ("b", "a", "c"), "c"),
    RankingTask("u", ("d", "b", "c"), "c"),
)


async def test_ranks_are_read_off_and_averaged_within_a_user() -> None:
    done: list[None] = []
    result = await rank_all(Recorder(), TWO_USERS, done=lambda: done.append(None))
    assert result.ranks == {"u": (1, 2), "v": (3,)}
    assert result.user_means(1) == {"u": 0.5, "v": 0}
    assert result.user_means(5) == {"u": pytest.approx((1 + 0.63093) / 2, abs=1e-5), "v": 0.5}
    assert (result.ranker, result.size, result.left_out) == ("Recorder", 3, ("left",))
    assert len(done) == 3
    assert RankingResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_no_more_rankings_are_open_than_allowed(concurrency: int) -> None:
    recorder = Recorder()
    alone = await rank_all(RandomRanker(), TWO_USERS)
    assert (await rank_all(recorder, TWO_USERS, concurrency=concurrency)).ranks
    assert recorder.most_open == concurrency
    together = await rank_all(RandomRanker(), TWO_USERS, concurrency=concurrency)
    assert together.ranks == alone.ranks


@pytest.mark.parametrize("bad", [["a"], ["a", "a"], ["a", "b", "b"], ["a", "b", "d"]])
async def test_a_ranking_must_hold_every_candidate_once(bad: list[str]) -> None:
    class Forgetful(Recorder):
        async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:  # noqa: ARG002
            return bad

    with pytest.raises(ContractError, match=f"Recorder returned {len(bad)} items for u"):
        await rank_all(Forgetful(), TWO_USERS)


async def test_results_of_several_seeds_are_pooled_within_users() -> None:
    results = [await rank_all(RandomRanker(seed=seed), TWO_USERS) for seed in range(3)]
    pooled = pool(results)
    assert pooled.ranks["u"] == sum((result.ranks["u"] for result in results), ())
    assert len(pooled.ranks["v"]) == 3
    with pytest.raises(ValueError, match="one ranker on the same tasks"):
        pool([results[0], await rank_all(Recorder(), TWO_USERS)])


@pytest.mark.skipif(not CDS.exists(), reason="the shared AgentCF sample is not on this machine")
@pytest.mark.parametrize(
    ("kind", "low", "high"), [(Negatives.SAMPLED, 0.50, 0.60), (Negatives.MATCHED, 0.49, 0.60)]
)
async def test_tfidf_on_the_agentcf_sample_is_what_was_measured(
    kind: Negatives, low: float, high: float
) -> None:
    dataset = read_dataset(CDS, domain="CDs")
    fitted = history(dataset, Split.TEST)
    ranker = TfidfRanker(dataset.items)
    ranker.fit(*fitted)
    drawn = draw_tasks(dataset, Split.TEST, kind=kind, seen=seen_items(fitted))
    result = await rank_all(ranker, drawn)
    assert low < fmean(result.user_means(10).values()) < high
