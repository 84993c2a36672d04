"""Training networks for the tables: bootstrapped networks to copy, and jobs that run concurrently.

All jobs share the budget, the limit of calls in flight and the stop signals of one process.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

import psycopg

from evals.baselines.agentcf.training import copy_for_agentcf, train_agentcf
from evals.baselines.recnet import RecNetRanker
from evals.evaluation import draw_network_tasks
from evals.leakage import fit_for, fitted_on, refuse_leak
from evals.paper.provenance import base_name, program
from evals.paper.results import Cost, Job, Result, Results
from evals.ranking import rank_all
from nodes.propagation import PROPAGATION_METHODS
from nodes.step import BOOTSTRAP
from prompts.llm.errors import BudgetExceeded
from state.dataset import Dataset
from state.domain import clean_line
from state.errors import NetworkError, RecNetError
from state.settings import NetworkSettings
from state.store.networks import NetworkRecord
from state.store.usage import add_totals, sum_usage
from workflows.recnet import RecNet
from workflows.training.driver import TrainingReport, mark_usage_now, read_settled, usage_since

_REASON = 500
"""Letters of a failure's reason. A bug is named by its type too."""


async def load_base(recnet: RecNet, dataset: Dataset, seed: int) -> NetworkRecord:
    """Return a network with the data set, loaded if need be, and the settings it will have.

    All variants of the seed are copies of it, so its bootstrap is paid once.
    """
    settings = recnet.resources.settings
    name = base_name(recnet, dataset, seed)
    network = await _find(recnet, name)
    if network is None:
        network = await (await recnet.load(name, dataset)).record()
    wanted = NetworkSettings(seed=seed, encoder=settings.embedding, model=settings.model)
    return network.model_copy(update={"stored_settings": wanted})


async def run_jobs(
    recnet: RecNet,
    jobs: Sequence[Job],
    concurrency: int,
    results: Results,
    progress: Callable[[int, int], None],
    redo: Collection[str] = (),
) -> list[Result]:
    """Run the jobs without a stored result; return the results of all jobs, in order.

    A job that fails does not stop the others. At most `concurrency` networks are trained at the
    same time. `progress` is called with the number of jobs done, and of how many. The jobs of the
    networks in `redo` run although there is a result.

    Raises:
        RecNetError: jobs failed; the message says how many, and why the first one did.
        BudgetExceeded: the budget is spent. The same call goes on.
    """
    missing = [job for job in jobs if job.network in redo or results.find(job) is None]
    waiting = {job.network: job for job in missing}
    limiter = asyncio.Semaphore(concurrency)
    done, spent = 0, ""
    failed: list[str] = []
    progress(done, len(waiting))

    async def run(job: Job) -> None:
        nonlocal done, spent
        async with limiter:
            if spent:
                return
            try:
                results.keep(await run_job(recnet, job, min(concurrency, len(waiting))))
            except BudgetExceeded as stop:
                spent = str(stop)
            except psycopg.OperationalError:
                raise  # no other job could run either
            except Exception as error:  # noqa: BLE001 - whatever it is, other jobs can run
                kind = "" if isinstance(error, RuntimeError) else f"{type(error).__name__}: "
                failed.append(f"{job.network}: {clean_line(f'{kind}{error}', _REASON)}")
            else:
                done += 1
                progress(done, len(waiting))

    # A second cancellation has to reach the jobs too, which a TaskGroup would keep to itself.
    for error in await asyncio.gather(*map(run, waiting.values()), return_exceptions=True):
        if error is not None:
            raise error
    _raise_failures(failed, spent, len(waiting))
    found = [result for job in jobs if (result := results.find(job))]
    if len(found) < len(jobs):
        raise RecNetError(f"results in {results.folder} cannot be read: run this again")
    return found


async def run_job(recnet: RecNet, job: Job, concurrency: int = 1) -> Result:
    """Train one network and rank with it; what was done before is not done again.

    `concurrency` is for the cost: the number of networks trained at the same time.

    Raises:
        NetworkError: there is no such base.
        BudgetExceeded: the budget is spent; the same call goes on.
    """
    handle = recnet.network(job.network)
    fresh = await _find(recnet, job.network) is None
    if fresh and job.variant.trainer == "agentcf":
        await copy_for_agentcf(recnet, job.base, job.network)
    elif fresh:
        await recnet.network(job.base).copy(job.network, **job.variant.settings)
    network = await handle.record()
    cost = Cost()
    if job.variant.trainer != "none":
        report = await _train(recnet, job, network)
        cost = await _cost(recnet, job, network, report)
        cost = cost.model_copy(update={"seconds": report.seconds if fresh else None})
    dataset, drawn = await draw_network_tasks(
        recnet, network, job.split, job.seed, range(job.draws)
    )
    await refuse_leak(recnet, network, dataset, job.split)
    ranker = RecNetRanker(recnet, job.network, name=job.variant.name, seed=job.seed)
    in_flight = recnet.resources.settings.max_concurrent_calls
    mark = await mark_usage_now(recnet.resources)
    rankings = [await rank_all(ranker, tasks, concurrency=in_flight) for tasks in drawn]
    asked = add_totals(list(await usage_since(recnet.resources, mark, network)), job.network)
    records, settled = await read_settled(recnet.resources, network, fitted_on(job.split))
    ranked = {
        "concurrency": concurrency,
        "ranking_calls": asked.calls + asked.cached,
        "missing": ranker.missing,
        "dropped": ranker.dropped,
        "failed_rankings": ranker.failed,
    }
    return Result(
        job=job,
        digest=await handle.digest(),
        cost=cost.model_copy(update=ranked),
        rewards={record.id: settled[record.id] for record in records if record.id in settled},
        rankings=tuple(rankings),
        program=program(),
    )


async def _train(recnet: RecNet, job: Job, network: NetworkRecord) -> TrainingReport:
    """Train up to the job's records; a network that is half trained is not ranked with."""
    limit = None
    if job.records is not None:
        _, settled = await read_settled(recnet.resources, network, fitted_on(job.split))
        limit = max(0, job.records - len(settled))
    fit = fit_for(job.split)
    if job.variant.trainer == "agentcf":
        report = await train_agentcf(recnet, job.network, fit=fit, limit=limit)
    else:
        report = await recnet.network(job.network).train(fit=fit, limit=limit)
    if report.stopped and (limit is None or report.run < limit):
        raise BudgetExceeded(report.stopped)
    return report


async def _cost(recnet: RecNet, job: Job, network: NetworkRecord, report: TrainingReport) -> Cost:
    """Return what training took, in this run and before."""
    base = await recnet.network(job.base).record()
    async with recnet.resources.pool.connection() as conn:
        usage = await sum_usage(conn, network.id, "interactions")
        usage += await sum_usage(conn, network.id, "updates")
        steps = await sum_usage(conn, base.id, by="interaction")
    total = add_totals(usage, job.network)
    bootstrap = sum(step.calls + step.cached for step in steps if step.name == BOOTSTRAP)
    method = PROPAGATION_METHODS[network.settings.propagation]
    uses_it = job.variant.trainer == "recnet" and method.uses_routers
    return Cost(
        records=report.settled,
        failed=report.failed,
        reward=report.reward,
        bootstrap_calls=bootstrap if uses_it else 0,
        calls=total.calls,
        cached=total.cached,
        tokens=total.input_tokens + total.output_tokens,
        updates=report.windows,
    )


async def _find(recnet: RecNet, name: str) -> NetworkRecord | None:
    try:
        return await recnet.network(name).record()
    except NetworkError:
        return None


def _raise_failures(failed: Sequence[str], spent: str, of: int) -> None:
    failures = f"{len(failed)} of {of} networks failed, the first: {failed[0]}" if failed else ""
    if spent:
        raise BudgetExceeded("; ".join(filter(None, (spent, failures))))
    if failed:
        raise RecNetError(f"{failures}; what was done is kept, and the same command does the rest")
