"""One process that does jobs: copies a network, learns, ranks.

`python -m evals.experiments.worker JOBS RESULTS`; a job that was stopped goes on where it was.
"""

import sys
from contextlib import suppress
from pathlib import Path

from evals.agentcf.training import found_agentcf, train_agentcf
from evals.experiments.cases import draw_all
from evals.experiments.jobs import Cost, Job, Result, Results
from evals.material import fit_for, fitted_on, refuse_leak
from evals.method_recnet import RecNetMethod
from evals.ranking import evaluate
from state.errors import NetworkError
from state.store.interactions import list_interactions
from workflows.commands.console import execute
from workflows.recnet import RecNet
from workflows.training import TrainingReport, plan_training, train


def main() -> None:
    """Do jobs until none is left; a line on standard output for each that is done."""
    folder, kept = Path(sys.argv[1]), Results(Path(sys.argv[2]))

    async def work(recnet: RecNet) -> None:
        while (job := take(folder)) is not None:
            kept.keep(await do(recnet, job))
            print(job.network, flush=True)  # noqa: T201 - told to whoever counts

    execute(work, command="eval", cache=True)


def take(folder: Path) -> Job | None:
    """Take the next job of a folder, which no other worker gets; None where none is left."""
    for path in sorted(folder.glob("*.json")):
        mine = path.with_suffix(".taken")
        with suppress(FileNotFoundError):
            path.rename(mine)
            return Job.model_validate_json(mine.read_text("utf-8"))
    return None


async def do(recnet: RecNet, job: Job) -> Result:
    """Learn and read one network.

    Raises:
        RecNetError: the base is not there, or the budget is spent.
    """
    whole = await _copy(recnet, job)
    cost = await _learn(recnet, job, whole=whole)
    network = await recnet.network(job.network)
    dataset, cases = await draw_all(recnet, network, job.split, job.seed, job.draws)
    await refuse_leak(recnet, network, dataset, job.split)
    budget = recnet.resources.budget
    before = (budget.calls, budget.tokens)
    method = RecNetMethod(recnet, job.network, name=job.variant.name, seed=job.seed)
    at_once = recnet.resources.settings.calls_in_flight
    readings = [await evaluate(method, drawn, concurrency=at_once) for drawn in cases]
    return Result(
        job=job,
        digest=await recnet.digest(job.network),
        cost=cost,
        rewards=await _rewards(recnet, job),
        readings=tuple(readings),
        ranking_calls=budget.calls - before[0],
        ranking_tokens=budget.tokens - before[1],
        missing=method.missing,
        dropped=method.dropped,
        failed=method.failed,
    )


async def _copy(recnet: RecNet, job: Job) -> bool:
    """Make the network; return whether it was not there."""
    try:
        await recnet.network(job.network)
    except NetworkError:
        if job.variant.learner == "agentcf":
            await found_agentcf(recnet, job.base, job.network)
        else:
            await recnet.copy(job.base, job.network, job.variant.settings)
        return True
    return False


async def _learn(recnet: RecNet, job: Job, *, whole: bool) -> Cost:
    if job.variant.learner == "nobody":
        return Cost(records=0, failed=0, reward=None, calls=0, tokens=0, updates=0, seconds=None)
    learn = train_agentcf if job.variant.learner == "agentcf" else train
    limit = await _left(recnet, job)
    report = await learn(recnet, job.network, fit=fit_for(job.split), limit=limit)
    return _cost(report, whole=whole)


async def _left(recnet: RecNet, job: Job) -> int | None:
    """Return how many records the network may still learn from, None for all."""
    if job.records is None:
        return None
    network = await recnet.network(job.network)
    planned = {record.id for record in await plan_training(recnet, network, fitted_on(job.split))}
    async with recnet.resources.pool.connection() as conn:
        settled = {i.id for i in await list_interactions(conn, network.id)}
    return max(0, job.records - len(planned & settled))


async def _rewards(recnet: RecNet, job: Job) -> dict[str, int | None]:
    network = await recnet.network(job.network)
    records = await plan_training(recnet, network, fitted_on(job.split))
    async with recnet.resources.pool.connection() as conn:
        settled = {i.id: i.reward for i in await list_interactions(conn, network.id)}
    return {record.id: settled[record.id] for record in records if record.id in settled}


def _cost(report: TrainingReport, *, whole: bool) -> Cost:
    return Cost(
        records=report.settled,
        failed=report.failed,
        reward=report.reward,
        calls=report.calls + report.update_calls,
        tokens=report.input_tokens + report.output_tokens,
        updates=report.windows,
        seconds=report.seconds if whole else None,
    )


if __name__ == "__main__":
    main()
