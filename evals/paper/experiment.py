"""Running one table: baselines, networks that are trained, and probes."""

from collections.abc import Callable, Sequence

from evals.baselines.ranker import Ranker
from evals.baselines.registry import ALWAYS, BASELINES, make_baselines, make_probes
from evals.candidates import PROBED, RankingTasks
from evals.datasets.splits import history
from evals.evaluation import draw_network_tasks
from evals.paper.design import RECNET, Design, Plan
from evals.paper.jobs import load_base, run_jobs
from evals.paper.results import Job, Result, Results
from evals.ranking import RankingResult, rank_all
from state.dataset import Dataset, Split
from state.domain import Frozen
from state.errors import InputError
from state.store.networks import list_networks
from workflows.recnet import RecNet

RowResults = dict[str, tuple[RankingResult, ...]]
"""Results of rows in the order of the table, over seeds and kinds of negatives."""


class ExperimentResult(Frozen):
    """All that an experiment found."""

    results: tuple[Result, ...]
    """Of the trained networks."""
    rankings: RowResults
    """Of all rows that are compared."""
    probes: RowResults


def row_names(design: Design) -> list[str]:
    """Return the rows of a table, in order."""
    baselines = [name for name in BASELINES if design.baselines or name in ALWAYS]
    return [*baselines, *(variant.name for variant in design.variants)]


async def run_experiment(
    recnet: RecNet,
    design: Design,
    dataset: Dataset,
    plan: Plan,
    results: Results,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> ExperimentResult:
    """Train and rank what a table needs and no stored result has; return all of it.

    Everything that can be refused is refused before any call is paid for.

    Raises:
        InputError: too few users have ranking tasks, or a library is missing.
        RecNetError: jobs failed; the same call does the rest.
        BudgetExceeded: the budget is spent; the same call goes on.
    """
    bases = [await load_base(recnet, dataset, seed) for seed in range(plan.seeds)]
    drawn = [
        await draw_network_tasks(recnet, base, plan.split, seed, range(plan.draws))
        for seed, base in enumerate(bases)
    ]
    _require_users(dataset.name, plan.split, [tasks for _, tasks in drawn])
    rankings: list[RankingResult] = []
    for seed, (data, tasks) in enumerate(drawn):
        rankers = make_baselines(data.items, seed=seed, every=design.baselines)
        rankings += await _rank(rankers, data, plan.split, tasks)
    for base in bases:
        await recnet.network(base.name).bootstrap(base.settings)
    jobs = [
        Job(base=base.name, variant=variant, seed=seed, split=plan.split, draws=plan.draws,
            records=plan.records)
        for variant in design.variants
        for seed, base in enumerate(bases)
    ]  # fmt: skip
    probed = [job for job in jobs if design.baselines and job.variant == RECNET]
    async with recnet.resources.pool.connection() as conn:
        there = {network.name for network in await list_networks(conn)}
    dropped = [job.network for job in probed if job.network not in there]
    trained = await run_jobs(recnet, jobs, plan.concurrency, results, progress, redo=dropped)
    of_probes: list[RankingResult] = []
    for job in probed:
        data, tasks = await draw_network_tasks(
            recnet, bases[job.seed], job.split, job.seed, range(job.draws), PROBED
        )
        rankers = make_probes(recnet, {RECNET.name: job.network}, seed=job.seed)
        of_probes += await _rank(rankers, data, job.split, tasks)
    return ExperimentResult(
        results=tuple(trained),
        rankings=_by_row([*rankings, *(own for result in trained for own in result.rankings)]),
        probes=_by_row(of_probes),
    )


def _require_users(name: str, split: Split, drawn: Sequence[Sequence[RankingTasks]]) -> None:
    """Refuse a data set on which fewer than two users have tasks with every training seed."""
    for same_kind in zip(*drawn, strict=True):
        users = set.intersection(*({task.user for task in own.tasks} for own in same_kind))
        if len(users) < 2:
            raise InputError(
                f"'{name}' is too small: {len(users)} of its users have a {split} item and enough "
                f"other items ({same_kind[0].negatives} negatives, all training seeds); a table "
                "needs at least two"
            )


async def _rank(
    rankers: Sequence[Ranker], dataset: Dataset, split: Split, drawn: Sequence[RankingTasks]
) -> list[RankingResult]:
    for ranker in rankers:
        ranker.fit(*history(dataset, split))
    return [await rank_all(ranker, tasks) for ranker in rankers for tasks in drawn]


def _by_row(results: Sequence[RankingResult]) -> RowResults:
    names = dict.fromkeys(result.ranker for result in results)
    return {name: tuple(own for own in results if own.ranker == name) for name in names}
