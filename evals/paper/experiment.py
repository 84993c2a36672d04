"""Running an experiment: methods that need no network, networks that are learned, and probes."""

from collections.abc import Callable, Sequence

from evals.baselines.ranker import Ranker
from evals.baselines.registry import baselines, probes
from evals.candidates import PROBED, RankingTasks
from evals.datasets.splits import history
from evals.paper.design import RECNET, Design
from evals.paper.jobs import Job, Result, Results
from evals.paper.runner import do_jobs, find_result, load_base
from evals.paper.tasks import draw_all
from evals.ranking import RankingResult, evaluate
from state.dataset import Dataset, Item, Split
from state.domain import Frozen
from state.errors import InputError, NetworkError
from state.store.networks import NetworkRecord
from workflows.recnet import RecNet

Readings = dict[str, tuple[RankingResult, ...]]
"""Of rows in the order of the table, over seeds and kinds of negatives."""


class Plan(Frozen):
    """What is asked for besides the table."""

    seeds: int = 3
    draws: int = 3
    split: Split = Split.TEST
    records: int | None = None
    processes: int = 1


class Outcome(Frozen):
    """All that an experiment found."""

    results: tuple[Result, ...]
    readings: Readings
    """Of all rows that are compared."""
    probes: Readings
    """Of rankings that know nothing of taste."""


def row_names(design: Design, items: Sequence[Item]) -> list[str]:
    """Return the rows of a table, in order.

    Raises:
        InputError: a library is missing.
    """
    beside = baselines(items, seed=0, learned=design.beside)
    return [*(method.name for method in beside), *(own.name for own in design.variants)]


async def run_experiment(
    recnet: RecNet,
    design: Design,
    dataset: Dataset,
    plan: Plan,
    kept: Results,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> Outcome:
    """Learn and read what a table needs and nobody has yet; return all of it.

    What can be refused is so before anything is paid for.

    Raises:
        InputError: too few users could be asked for, or a library is missing.
        RecNetError: jobs failed; the same call goes on with the others.
        BudgetExceeded: the budget is spent; the same call goes on.
    """
    bases = [await load_base(recnet, dataset, seed) for seed in range(plan.seeds)]
    material = [
        await draw_all(recnet, base, plan.split, seed, plan.draws)
        for seed, base in enumerate(bases)
    ]
    _require_users(dataset.name, plan.split, [cases for _, cases in material])
    beside = [
        reading
        for seed, (data, cases) in enumerate(material)
        for reading in await _read(
            baselines(data.items, seed=seed, learned=design.beside), data, plan.split, cases
        )
    ]
    for base in bases:
        await recnet.network(base.name).bootstrap(base.settings)
    jobs = _jobs(design, plan, [base.name for base in bases])
    probed = [job for job in jobs if design.beside and job.variant == RECNET]
    gone = [job.network for job in probed if not await _is_there(recnet, job.network)]
    await do_jobs(jobs, plan.processes, recnet.resources.settings.model, kept, tell, anew=gone)
    results = [find_result(kept, job) for job in jobs]
    of_networks = [reading for result in results for reading in result.readings]
    of_probes = [
        reading for job in probed for reading in await _read_probes(recnet, job, bases[job.seed])
    ]
    return Outcome(
        results=tuple(results),
        readings=_by_name([*beside, *of_networks]),
        probes=_by_name(of_probes),
    )


def _jobs(design: Design, plan: Plan, bases: Sequence[str]) -> list[Job]:
    return [
        Job(base=base, variant=variant, seed=seed, split=plan.split, draws=plan.draws,
            records=plan.records)
        for variant in design.variants
        for seed, base in enumerate(bases)
    ]  # fmt: skip


async def _read_probes(recnet: RecNet, job: Job, base: NetworkRecord) -> list[RankingResult]:
    data, cases = await draw_all(recnet, base, job.split, job.seed, job.draws, PROBED)
    methods = probes(recnet, {RECNET.name: job.network}, seed=job.seed)
    return await _read(methods, data, job.split, cases)


def _require_users(name: str, split: Split, drawn: Sequence[Sequence[RankingTasks]]) -> None:
    """Refuse a data set on which no two users could be asked for, whatever the training seed."""
    for same_kind in zip(*drawn, strict=True):
        users = set.intersection(*({case.user for case in cases.cases} for cases in same_kind))
        if len(users) < 2:
            raise InputError(
                f"'{name}' is too small: {len(users)} of its users have a {split} item and enough "
                f"others to stand beside it ({same_kind[0].negatives} negatives, all training "
                "seeds); a table needs two at least"
            )


async def _read(
    methods: Sequence[Ranker], dataset: Dataset, split: Split, drawn: Sequence[RankingTasks]
) -> list[RankingResult]:
    for method in methods:
        method.fit(*history(dataset, split))
    return [await evaluate(method, cases) for method in methods for cases in drawn]


async def _is_there(recnet: RecNet, network: str) -> bool:
    try:
        await recnet.network(network).record()
    except NetworkError:
        return False
    return True


def _by_name(readings: Sequence[RankingResult]) -> Readings:
    found: dict[str, list[RankingResult]] = {}
    for reading in readings:
        found.setdefault(reading.method, []).append(reading)
    return {name: tuple(own) for name, own in found.items()}
