"""`recnet bench train`: how near training comes to the least time that its calls can take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from typer.models import OptionInfo

from benchmarks.database import fresh_database
from benchmarks.grid import QUICK, Grid
from evals.datasets.registry import read_dataset
from evals.planted.dataset import plant
from prompts.llm.limiter import CallLimiter
from state.dataset import Dataset
from state.errors import RecNetError
from state.settings import Settings
from workflows.commands.console import (
    AsJson,
    explain,
    fail,
    finish,
    notes,
    print_json,
    read_settings,
)
from workflows.commands.progress import bars
from workflows.commands.signals import stoppable

if TYPE_CHECKING:
    from benchmarks.training import TrainingResults

_DEFAULT = Grid()
_USERS, _ITEMS = 100, 270
"""Of the planted world: as large as AgentCF's samples, so that windows of 100 clients fill."""


def _several(metavar: str, meaning: str, default: tuple[float, ...]) -> OptionInfo:
    """Return an option that may be given several times."""
    shown = ", ".join(f"{value:g}" for value in default)
    option: OptionInfo = typer.Option(metavar=metavar, help=f"{meaning}  [default: {shown}]")
    return option


def train(
    dataset: Annotated[
        Path | None, typer.Option(help="A folder of RecBole files; else a planted world.")
    ] = None,
    latency: Annotated[
        list[float] | None, _several("SECONDS", "How long a call takes.", _DEFAULT.latencies)
    ] = None,
    update_size: Annotated[
        list[int] | None, _several("N", "Clients that fill a window.", _DEFAULT.update_sizes)
    ] = None,
    concurrency: Annotated[
        list[int] | None,
        _several("N", "Interactions and calls at once.", _DEFAULT.concurrencies),
    ] = None,
    records: Annotated[
        list[int] | None,
        _several("N", "Records, one number for each concurrency.", _DEFAULT.records),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A try of a minute or two.")] = False,
    out: Annotated[Path, typer.Option(help="Where tables and figure are written.")] = Path(
        "bench-results"
    ),
    as_json: AsJson = False,
) -> None:
    """Measure training at a fixed latency of the model, beside the least time it could take.

    The model is the test server of `recnet bench serve` in a process of its own. Options of several
    values are given several times. It takes some twenty minutes; nothing else should run meanwhile.
    """
    given = {
        "latencies": latency,
        "update_sizes": update_size,
        "concurrencies": concurrency,
        "records": records,
    }
    try:
        grid = Grid.model_validate(
            (QUICK if quick else _DEFAULT).model_dump() | {k: v for k, v in given.items() if v}
        )
    except ValidationError as error:
        fail(explain(error))
    _measure(grid, _read(dataset), out, as_json=as_json)


def _read(folder: Path | None) -> Dataset:
    if folder is None:
        return plant(0, users=_USERS, items=_ITEMS)
    try:
        return read_dataset(folder)
    except RecNetError as error:
        fail(str(error))


def _measure(grid: Grid, dataset: Dataset, out: Path, *, as_json: bool) -> None:
    try:
        from benchmarks.report import markdown, write  # noqa: PLC0415 - an extra
        from benchmarks.training import measure_training  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name not in ("matplotlib", "starlette", "uvicorn"):
            raise
        fail(f"bench train needs {error.name}: pip install 'recnet[bench]'")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")

    async def work(on: Settings) -> "TrainingResults":
        """Measure, until a signal stops it at once, SIGTERM too: there is no gate to be closed."""
        with bars() as progress:
            task = progress.add_task("bench train", total=grid.size, state="")

            def tell(done: int, what: str) -> None:
                progress.update(task, completed=done, state=what)

            async with stoppable(CallLimiter(), lambda _: None):
                return await measure_training(on, dataset, grid, tell)

    try:
        with fresh_database(read_settings()) as on:
            results = finish(work(on), stopped="nothing was written")
    except RecNetError as error:
        fail(str(error))
    if as_json:
        print_json(results)
    else:
        typer.echo(markdown(results))
    files = write(results, out)
    notes.print(f"written: {', '.join(map(str, files))}", soft_wrap=True)
