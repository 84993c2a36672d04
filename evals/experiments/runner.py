"""Running an experiment: bases, jobs in processes of their own, and methods beside them."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from evals.beside import baselines, probes
from evals.experiments.cases import draw_all
from evals.experiments.design import RECNET, Design
from evals.experiments.jobs import Job, Result, Results, fingerprint
from evals.ranking import Reading, evaluate
from evals.splits import history
from prompts.models import OFFLINE
from state.dataset import Dataset, Split
from state.domain import Frozen
from state.errors import NetworkError, RecNetError
from state.settings import NetworkSettings
from workflows.recnet import RecNet


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
    readings: dict[str, tuple[Reading, ...]]
    """Of all rows, over seeds and kinds of negatives, in the order of the table."""


async def run_experiment(
    recnet: RecNet,
    design: Design,
    dataset: Dataset,
    plan: Plan,
    kept: Results,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> Outcome:
    """Learn and read what a table needs and nobody has yet; return all of it.

    Raises:
        RecNetError: a job failed; the same call goes on with the others.
    """
    bases = [await found_base(recnet, dataset, seed) for seed in range(plan.seeds)]
    jobs = [
        Job(base=base, variant=variant, seed=seed, split=plan.split, draws=plan.draws,
            records=plan.records)
        for variant in design.variants
        for seed, base in enumerate(bases)
    ]  # fmt: skip
    await do_jobs(jobs, plan.processes, recnet.resources.settings.model, kept, tell)
    results = [find_result(kept, job) for job in jobs]
    readings: dict[str, list[Reading]] = {}
    for seed, base in enumerate(bases):
        trained = Job(base=base, variant=RECNET, seed=seed, split=plan.split, draws=plan.draws,
                      records=plan.records).network  # fmt: skip
        for reading in await _read_methods(recnet, design, plan, seed, base, trained):
            readings.setdefault(reading.method, []).append(reading)
    for result in results:
        readings.setdefault(result.job.variant.name, []).extend(result.readings)
    return Outcome(
        results=tuple(results), readings={name: tuple(own) for name, own in readings.items()}
    )


async def found_base(recnet: RecNet, dataset: Dataset, seed: int) -> str:
    """Make sure that a data set is founded with a seed; return the network's name.

    Every variant of the seed is a copy of it, so the calls of the bootstrap are paid once.
    """
    settings = recnet.resources.settings
    shape = NetworkSettings(seed=seed, encoder=settings.embedding, model=settings.model)
    made_by = f"{shape.model} {shape.encoder}"
    name = f"eval/{dataset.name}-{fingerprint(dataset)}/{made_by}/seed {seed}"
    try:
        await recnet.network(name)
    except NetworkError:
        await recnet.load(name, dataset)
    await recnet.bootstrap(name, shape)
    return name


async def do_jobs(
    jobs: Sequence[Job],
    processes: int,
    model: str,
    kept: Results,
    tell: Callable[[int, int], None],
) -> None:
    """Do what has no result yet, so many at once, each in a process of its own.

    Raises:
        RecNetError: a job failed; what was done is kept.
    """
    waiting = list({job.network: job for job in jobs if kept.find(job) is None}.values())
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        tell(done, len(waiting))

    tell(done, len(waiting))
    with TemporaryDirectory() as folder:
        for number, job in enumerate(waiting):
            (Path(folder) / f"{number:06}.json").write_text(job.model_dump_json(), "utf-8")
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(processes, len(waiting))):
                    group.create_task(_work(Path(folder), model, kept, one_more))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None


async def _work(folder: Path, model: str, kept: Results, one_more: Callable[[], None]) -> None:
    """Let one process do jobs until none is left."""
    with TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "evals.experiments.worker", str(folder), str(kept.folder)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            env=_environment(model),
            start_new_session=True,  # a Ctrl-C reaches it from here, once
        )
        try:
            while process.stdout and await process.stdout.readline():
                one_more()
            code = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.terminate()  # it ends its calls, and saves
            await process.wait()
            raise
        if code != 0:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RecNetError(last.removeprefix("recnet: "))


def _environment(model: str) -> dict[str, str]:
    """Return the variables of a worker: calls that cost nothing are not kept, but made again."""
    quick = {"RECNET_DURABILITY": "exit", "RECNET_CACHE": "false"} if model == OFFLINE else {}
    return {**quick, **os.environ, "RECNET_MODEL": model}


def find_result(kept: Results, job: Job) -> Result:
    """Return the result of a job that was done.

    Raises:
        RecNetError: it cannot be read.
    """
    result = kept.find(job)
    if result is None:
        raise RecNetError(f"{kept.path(job)} cannot be read: delete it, and run this again")
    return result


async def _read_methods(
    recnet: RecNet, design: Design, plan: Plan, seed: int, base: str, trained: str
) -> list[Reading]:
    dataset, cases = await draw_all(
        recnet, await recnet.network(base), plan.split, seed, plan.draws
    )
    readings = []
    methods = baselines(dataset.items, seed=seed, learned=design.beside)
    if design.beside:
        methods += probes(recnet, {RECNET.name: trained}, seed=seed)
    for method in methods:
        method.fit(*history(dataset, plan.split))
        readings += [await evaluate(method, drawn) for drawn in cases]
    return readings
