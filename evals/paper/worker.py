"""One process that does jobs: copies a network, learns, ranks.

`python -m evals.paper.worker JOBS RESULTS CONCURRENCY`; a job that was stopped goes on where it
was. Each line on standard output is a JSON object: `{}` for a job that is done, `failed` with a
reason for one that could not be, `spent` where the budget ended the process.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

import psycopg

from evals.baselines.agentcf.training import agentcf, found_agentcf
from evals.baselines.recnet import RecNetRanker
from evals.leakage import fit_for, fitted_on, refuse_leak
from evals.paper.costs import sum_cost
from evals.paper.jobs import Cost, Job, Result, Results
from evals.paper.provenance import program
from evals.paper.tasks import draw_all
from evals.ranking import evaluate
from prompts.llm.errors import BudgetExceeded
from state.domain import clean_line
from state.errors import NetworkError
from workflows.commands.console import execute
from workflows.commands.signals import StoppedError
from workflows.recnet import RecNet
from workflows.training.driver import read_settled
from workflows.training.trainer import RECNET

_REASON = 500


def main() -> None:
    """Do jobs until none is left, or the budget is spent."""
    folder, kept, at_once = Path(sys.argv[1]), Results(Path(sys.argv[2])), int(sys.argv[3])

    async def work(recnet: RecNet) -> None:
        while (job := take(folder)) is not None:
            try:
                kept.keep(await do(recnet, job, at_once))
            except BudgetExceeded as stop:
                _say(spent=str(stop))
                return
            except (StoppedError, psycopg.OperationalError):
                raise  # nor could another job be done
            except Exception as error:  # noqa: BLE001 - whatever it is, others can be done
                _say(failed=f"{job.network}: {_explain(error)}")
            else:
                _say()

    execute(work, command="paper", cache=True)


def _say(**what: str) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - told to whoever counts


def _explain(error: Exception) -> str:
    """Return one line on an error; one that is a bug is told by its kind."""
    known = isinstance(error, RuntimeError)
    said = str(error) if known else f"{type(error).__name__}: {error}"
    return clean_line(said, _REASON)


def take(folder: Path) -> Job | None:
    """Take the next job of a folder, which no other worker gets; None where none is left."""
    for path in sorted(folder.glob("*.json")):
        mine = path.with_suffix(".taken")
        with suppress(FileNotFoundError):
            path.rename(mine)
            return Job.model_validate_json(mine.read_text("utf-8"))
    return None


async def do(recnet: RecNet, job: Job, at_once: int = 1) -> Result:
    """Learn and read one network, while so many are learned at once.

    Raises:
        RecNetError: the base is not there.
        BudgetExceeded: the budget is spent; the job goes on where it was.
    """
    whole = await _copy(recnet, job)
    cost = await _learn(recnet, job, whole=whole, at_once=at_once)
    network = await recnet.network(job.network).record()
    dataset, cases = await draw_all(recnet, network, job.split, job.seed, job.draws, job.negatives)
    await refuse_leak(recnet, network, dataset, job.split)
    budget = recnet.resources.budget
    before = (budget.calls, budget.cached, budget.tokens)
    method = RecNetRanker(recnet, job.network, name=job.variant.name, seed=job.seed)
    in_flight = recnet.resources.settings.calls_in_flight
    readings = [await evaluate(method, drawn, concurrency=in_flight) for drawn in cases]
    return Result(
        job=job,
        digest=await recnet.network(job.network).digest(),
        cost=cost,
        rewards=await _rewards(recnet, job),
        readings=tuple(readings),
        ranking_calls=budget.calls - before[0],
        ranking_kept=budget.cached - before[1],
        ranking_tokens=budget.tokens - before[2],
        missing=method.missing,
        dropped=method.dropped,
        failed=method.failed,
        program=program(),
    )


async def _copy(recnet: RecNet, job: Job) -> bool:
    """Make the network; return whether it was not there."""
    try:
        await recnet.network(job.network).record()
    except NetworkError:
        if job.variant.learner == "agentcf":
            await found_agentcf(recnet, job.base, job.network)
        else:
            await recnet.network(job.base).copy(job.network, **job.variant.settings)
        return True
    return False


async def _learn(recnet: RecNet, job: Job, *, whole: bool, at_once: int) -> Cost:
    if job.variant.learner == "nobody":
        return Cost.nothing(at_once)
    graph = agentcf(recnet.resources) if job.variant.learner == "agentcf" else RECNET
    limit = await _left(recnet, job)
    network = recnet.network(job.network, graph)
    report = await network.train(fit=fit_for(job.split), limit=limit)
    if report.stopped and (limit is None or report.run < limit):
        raise BudgetExceeded(report.stopped)  # what is half learned is not read
    return await sum_cost(recnet, job, report, whole=whole, at_once=at_once)


async def _left(recnet: RecNet, job: Job) -> int | None:
    """Return how many records the network may still learn from, None for all."""
    if job.records is None:
        return None
    network = await recnet.network(job.network).record()
    _, settled = await read_settled(recnet.resources, network, fitted_on(job.split))
    return max(0, job.records - len(settled))


async def _rewards(recnet: RecNet, job: Job) -> dict[str, int | None]:
    network = await recnet.network(job.network).record()
    records, settled = await read_settled(recnet.resources, network, fitted_on(job.split))
    return {record.id: settled[record.id] for record in records if record.id in settled}


if __name__ == "__main__":
    main()
