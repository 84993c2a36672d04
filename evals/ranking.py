"""Letting a ranker rank, and noting where the targets landed."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Annotated

from pydantic import Field

from evals.baselines.ranker import ContractError, Ranker
from evals.candidates import Negatives, RankingTask, RankingTasks
from evals.metrics import ndcg
from prompts.llm.errors import BudgetExceeded
from state.dataset import Split
from state.domain import Frozen

Rank = Annotated[int, Field(ge=1)]


class RankingResult(Frozen):
    """Where one ranker put the targets of one split under one kind of negatives."""

    ranker: str
    split: Split
    negatives: Negatives
    size: int
    """Candidates in each ranking."""
    ranks: dict[str, tuple[Rank, ...]]
    """For each user the target's rank in each of its tasks; 1 is the top."""
    left_out: tuple[str, ...] = ()
    """Users for whom no candidates could be drawn."""
    seconds: float = 0.0

    def user_means(self, k: int) -> dict[str, float]:
        """Return NDCG@`k` for each user, averaged over that user's tasks."""
        return {user: fmean(ndcg(rank, k) for rank in own) for user, own in self.ranks.items()}


async def rank_all(
    ranker: Ranker,
    tasks: RankingTasks,
    *,
    concurrency: int = 1,
    done: Callable[[], None] = lambda: None,
) -> RankingResult:
    """Let the fitted `ranker` do all `tasks` and return where the targets landed.

    The ranker gets the user and the candidates, never the target. At most `concurrency` rankings
    are under way at the same time; `done` is called after each.

    Raises:
        ContractError: a ranking does not hold every candidate once.
        BudgetExceeded: the budget is spent; the message says how many rankings are made.
        Exception: the first error of the ranker.
    """
    started = time.perf_counter()
    limiter = asyncio.Semaphore(concurrency)

    async def rank(task: RankingTask) -> int:
        async with limiter:
            ranking = await ranker.rank(task.user, task.candidates)
        if sorted(ranking) != sorted(task.candidates):
            raise ContractError(
                f"{ranker.name} returned {len(ranking)} items for {task.user} that are not its "
                f"{len(task.candidates)} candidates, each once"
            )
        done()
        return ranking.index(task.target) + 1

    try:
        async with asyncio.TaskGroup() as group:
            ranked = [group.create_task(rank(task)) for task in tasks.tasks]
    except ExceptionGroup as failed:
        error = failed.exceptions[0]
        if isinstance(error, BudgetExceeded):
            made = sum(not (task.cancelled() or task.exception()) for task in ranked)
            of = f"{len(ranked)} rankings of {ranker.name}, {tasks.negatives} negatives"
            error = BudgetExceeded(f"{error}; {made} of {of}, are made")
        raise error from None
    ranks: dict[str, list[int]] = defaultdict(list)
    for task, place in zip(tasks.tasks, ranked, strict=True):
        ranks[task.user].append(place.result())
    return RankingResult(
        ranker=ranker.name,
        split=tasks.split,
        negatives=tasks.negatives,
        size=tasks.size,
        ranks={user: tuple(own) for user, own in ranks.items()},
        left_out=tasks.left_out,
        seconds=time.perf_counter() - started,
    )


def pool(results: Sequence[RankingResult]) -> RankingResult:
    """Return one result for a ranker that was trained with several seeds.

    A user's ranks of all seeds are put together, so that means run over draws and seeds. Raises
    `ValueError` where the ranker, the kind of tasks or the users differ.
    """
    first = results[0]
    alike = {(r.ranker, r.split, r.negatives, r.size, frozenset(r.ranks)) for r in results}
    if len(alike) != 1:
        raise ValueError("only results of one ranker on the same tasks can be pooled")
    ranks = {user: tuple(rank for r in results for rank in r.ranks[user]) for user in first.ranks}
    return first.model_copy(update={"ranks": ranks, "seconds": sum(r.seconds for r in results)})
