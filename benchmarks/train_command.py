"""`recnet bench train`: training at a fixed latency of the model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from benchmarks.database import fresh_database
from evals.datasets.registry import read_dataset
from evals.planted.world import World, plant_world
from prompts.llm.limiter import CallLimiter
from state.dataset import Dataset
from state.errors import RecNetError
from state.settings import Settings, explain
from workflows.commands.console import (
    AsJson,
    fail,
    finish,
    notes,
    print_json,
    read_settings,
)
from workflows.commands.progress import bars
from workflows.commands.signals import stoppable

if TYPE_CHECKING:
    from benchmarks.training import Grid, TrainingResults

_WORLD = World(users=100, items=270)
"""As large as AgentCF's samples, so that windows of 100 clients fill."""


def train(
    dataset: Annotated[
        Path | None, typer.Option(help="A folder of RecBole files; else a planted world.")
    ] = None,
    latency: Annotated[
        list[float] | None, typer.Option(help="Seconds of a call.  [default: 0.2, 1]")
    ] = None,
    update_size: Annotated[
        list[int] | None, typer.Option(help="Clients that fill a window.  [default: 20, 40, 100]")
    ] = None,
    concurrency: Annotated[
        list[int] | None,
        typer.Option(help="Interactions and calls at the same time.  [default: 1, 8, 32]"),
    ] = None,
    records: Annotated[
        list[int] | None,
        typer.Option(help="Records, one number for each concurrency.  [default: 10, 60, 120]"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A try of a minute or two.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("bench-results"),
    as_json: AsJson = False,
) -> None:
    """Measure training at a fixed latency, compared with the least time its calls can take.

    The model is that of `recnet bench serve`, in a process of its own. Options with several values
    are given several times. It takes some twenty minutes; nothing else should run meanwhile.
    """
    from benchmarks.training import QUICK, Grid  # noqa: PLC0415 - an extra

    given = {
        "latencies": latency,
        "update_sizes": update_size,
        "concurrencies": concurrency,
        "records": records,
    }
    try:
        default = QUICK if quick else Grid()
        grid = Grid.model_validate(default.model_dump() | {k: v for k, v in given.items() if v})
        data = read_dataset(dataset) if dataset else plant_world(_WORLD).dataset
        out.mkdir(parents=True, exist_ok=True)
    except ValidationError as error:
        fail(explain(error))
    except RecNetError as error:
        fail(str(error))
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")
    try:
        with fresh_database(read_settings()) as settings:
            measured = _measure(settings, data, grid)
            results = finish(measured, stopped="nothing was written")
    except RecNetError as error:
        fail(str(error))
    files = [out / "training.md", out / "training.json"]
    files[0].write_text(results.markdown(), "utf-8")
    files[1].write_text(results.model_dump_json(indent=2) + "\n", "utf-8")
    if as_json:
        print_json(results)
    else:
        typer.echo(results.markdown())
    notes.print(f"written: {', '.join(map(str, files))}", soft_wrap=True)


async def _measure(settings: Settings, dataset: Dataset, grid: "Grid") -> "TrainingResults":
    from benchmarks.training import measure_training  # noqa: PLC0415 - an extra

    with bars() as progress:
        task = progress.add_task("bench train", total=grid.size, state="")

        def tell(done: int, state: str) -> None:
            progress.update(task, completed=done, state=state)

        async with stoppable(CallLimiter(), lambda _: None):  # SIGTERM too stops it at once
            return await measure_training(settings, dataset, grid, tell)
