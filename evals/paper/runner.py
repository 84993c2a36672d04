"""What experiments share: founded networks to copy, and jobs in processes of their own."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from evals.paper.jobs import Job, Result, Results, fingerprint
from evals.paper.provenance import calling
from prompts.llm.errors import BudgetExceeded
from prompts.llm.models import OFFLINE
from state.dataset import Dataset
from state.errors import NetworkError, RecNetError
from state.settings import NetworkSettings
from state.store.networks import NetworkRecord
from workflows.recnet import RecNet


async def load_base(recnet: RecNet, dataset: Dataset, seed: int) -> NetworkRecord:
    """Return a network on which a data set is loaded, with the shape it has or will have.

    Its name holds all that its replies depend on: where anything of that is changed, networks and
    results are others.
    """
    settings = recnet.resources.settings
    network_settings = NetworkSettings(seed=seed, encoder=settings.embedding, model=settings.model)
    made_by = f"{network_settings.model} {network_settings.encoder} {calling(recnet)}"
    name = f"eval/{dataset.name}-{fingerprint(dataset)}/{made_by}/seed {seed}"
    try:
        network = await recnet.network(name).record()
    except NetworkError:
        network = await (await recnet.load(name, dataset)).record()
    return network.model_copy(update={"stored_settings": network_settings})


async def found_base(recnet: RecNet, dataset: Dataset, seed: int) -> str:
    """Make sure that a data set is founded with a seed; return the network's name.

    Every variant of the seed is a copy of it, so the calls of the bootstrap are paid once.
    """
    base = await load_base(recnet, dataset, seed)
    await recnet.network(base.name).bootstrap(base.settings)
    return base.name


async def do_jobs(
    jobs: Sequence[Job],
    processes: int,
    model: str,
    kept: Results,
    tell: Callable[[int, int], None],
    anew: Collection[str] = (),
) -> None:
    """Do what has no result yet, so many at once, each in a process of its own.

    A job that fails does not keep the others from being done.

    Args:
        jobs: what is wanted.
        processes: jobs at once.
        model: the main model.
        kept: where results are found and put.
        tell: told how many are done, of how many.
        anew: networks whose jobs are done although there is a result.

    Raises:
        RecNetError: jobs failed; the text says how many, and why the first one did.
        BudgetExceeded: a process has spent its budget; the same call goes on.
    """
    waiting = list(
        {job.network: job for job in jobs if job.network in anew or kept.find(job) is None}.values()
    )
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        tell(done, len(waiting))

    tell(done, len(waiting))
    with TemporaryDirectory() as folder:
        for number, job in enumerate(waiting):
            (Path(folder) / f"{number:06}.json").write_text(job.model_dump_json(), "utf-8")
        at_once = min(processes, len(waiting))
        work = _Work(Path(folder), model, kept, at_once, one_more)
        await work.go(at_once)
    work.raise_failures(len(waiting))


class _Work:
    """Jobs in a folder, and the processes that do them."""

    def __init__(
        self, folder: Path, model: str, kept: Results, at_once: int, one_more: Callable[[], None]
    ) -> None:
        self._words = (str(folder), str(kept.folder), str(at_once))
        self._model = model
        self._one_more = one_more
        self._failed: list[str] = []
        self._spent = ""

    async def go(self, at_once: int) -> None:
        """Let so many processes do the jobs; each cancellation asks all of them once to stop."""
        # A TaskGroup would take no second one.
        ended = await asyncio.gather(*(self._go() for _ in range(at_once)), return_exceptions=True)
        for error in filter(None, ended):
            raise error

    async def _go(self) -> None:
        """Let one process do jobs until none is left."""
        with TemporaryFile() as said:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "evals.paper.worker", *self._words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                env=_environment(self._model),
                start_new_session=True,  # a Ctrl-C reaches it from here, once
            )
            try:
                while process.stdout and (line := await process.stdout.readline()):
                    self._hear(**json.loads(line))
                code = await process.wait()
            except asyncio.CancelledError:
                await _stop(process)
                raise
            if code != 0:
                said.seek(0)
                last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
                self._failed.append(last.removeprefix("recnet: ") or f"a worker ended with {code}")

    def _hear(self, failed: str = "", spent: str = "") -> None:
        """Take in one line of a worker; an empty one tells of a job that is done."""
        if spent:
            self._spent = spent
        elif failed:
            self._failed.append(failed)
        else:
            self._one_more()

    def raise_failures(self, of: int) -> None:
        """Raise what kept jobs from being done."""
        failed = ""
        if self._failed:
            failed = f"{len(self._failed)} of {of} networks failed, the first: {self._failed[0]}"
        if self._spent:
            raise BudgetExceeded("; ".join(filter(None, (self._spent, failed))))
        if failed:
            raise RecNetError(
                f"{failed}; what was done is kept, and the same command does the rest"
            )


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Have a process end its calls and save; where this is cancelled, without its calls."""
    while process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(asyncio.CancelledError):
            await process.wait()


def _environment(model: str) -> dict[str, str]:
    """Return the variables of a worker: what costs nothing is made again after a crash."""
    quick = {"RECNET_DURABILITY": "exit"} if model == OFFLINE else {}
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
