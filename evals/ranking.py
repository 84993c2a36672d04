"""Letting a method rank, and reading off where the targets landed."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from evals.baselines.ranker import Ranker, ordered
from evals.candidates import Negatives, RankingTask, RankingTasks
from evals.metrics import mean_ndcg
from state.dataset import Split
from state.domain import Frozen

Rank = Annotated[int, Field(ge=1)]


class RankingResult(Frozen):
    """Where one method put the targets of one split under one kind of negatives."""

    method: str
    split: Split
    negatives: Negatives
    size: int
    """Candidates in each ranking."""
    ranks: dict[str, tuple[Rank, ...]]
    """For each user the target's rank in each of its cases; 1 is the top."""
    left_out: tuple[str, ...] = ()
    """Users for whom no candidates could be drawn."""
    seconds: float = 0.0

    def user_means(self, k: int) -> dict[str, float]:
        """Return NDCG@`k` for each user, averaged over that user's cases, users in order."""
        return {user: mean_ndcg(ranks, k) for user, ranks in self.ranks.items()}


async def evaluate(
    method: Ranker,
    cases: RankingTasks,
    *,
    concurrency: int = 1,
    done: Callable[[], None] | None = None,
) -> RankingResult:
    """Let the fitted `method` rank all `cases` and return where the targets landed.

    The method is given the user and the candidates, never the target. At most `concurrency`
    rankings are open at once; `done` is called after each. The first error of the method ends the
    reading and is raised; `ContractError` where a ranking does not hold every candidate once.
    """
    started = time.perf_counter()
    limiter = asyncio.Semaphore(concurrency)

    async def rank(case: RankingTask) -> int:
        async with limiter:
            ranking = await method.rank(case.user, case.candidates)
        place = ordered(method.name, case.user, case.candidates, ranking).index(case.target) + 1
        if done is not None:
            done()
        return place

    try:
        async with asyncio.TaskGroup() as group:
            places = [group.create_task(rank(case)) for case in cases.cases]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    ranks: dict[str, list[int]] = defaultdict(list)
    for case, place in zip(cases.cases, places, strict=True):
        ranks[case.user].append(place.result())
    return RankingResult(
        method=method.name,
        split=cases.split,
        negatives=cases.negatives,
        size=cases.size,
        ranks={user: tuple(own) for user, own in ranks.items()},
        left_out=cases.left_out,
        seconds=time.perf_counter() - started,
    )


def pool(readings: list[RankingResult]) -> RankingResult:
    """Return one reading of a method that was trained with several seeds.

    Each user's ranks of all `readings` stand together, so that the mean within a user runs over
    draws and seeds. Raises `ValueError` where they are not the same method, cases and users.
    """
    first = readings[0]
    alike = {(r.method, r.split, r.negatives, r.size, frozenset(r.ranks)) for r in readings}
    if len(alike) != 1:
        raise ValueError("only readings of one method on the same cases can be pooled")
    ranks = {
        user: tuple(rank for reading in readings for rank in reading.ranks[user])
        for user in first.ranks
    }
    seconds = sum(reading.seconds for reading in readings)
    return first.model_copy(update={"ranks": ranks, "seconds": seconds})
