"""`recnet paper`: the tables of the paper."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.progress import Progress

from evals.datasets.planted import PLANTED
from evals.datasets.reader import ReadOptions
from evals.datasets.registry import read_with_notes
from evals.paper.design import DESIGNS, Plan
from prompts.llm.models import OFFLINE
from state.dataset import Split
from state.errors import RecNetError
from state.settings import Settings, explain
from workflows.commands.console import AsJson, execute, fail, notes, output, read_settings
from workflows.commands.progress import with_bars

paper = typer.Typer(help="Make the tables of the paper. What a table needs is made once.")

Concurrency = Annotated[int, typer.Option(min=1, help="Networks to train at the same time.")]
Out = Annotated[Path, typer.Option(help="Folder for results and tables.")]
Model = Annotated[str | None, typer.Option(help="The model, instead of RECNET_MODEL.")]


def _table(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="What `recnet load` reads, with its defaults.")
    ] = f"{PLANTED}:0",
    domain: Annotated[
        str | None, typer.Option(help="What the items of files are, such as CDs.")
    ] = None,
    model: Model = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds.")] = 3,
    draws: Annotated[
        int, typer.Option(min=1, help="Draws of candidates for each user and seed.")
    ] = 3,
    split: Annotated[
        Literal["valid", "test"], typer.Option(help="Use `valid` to choose, `test` at the end.")
    ] = "test",
    records: Annotated[
        int | None, typer.Option(min=1, help="Train on at most this many records.")
    ] = None,
    printed: Annotated[
        Path | None,
        typer.Option(help="A CSV file with lines NAME,NDCG@10: published figures to compare with."),
    ] = None,
    concurrency: Concurrency = 1,
    out: Out = Path("eval-results"),
    as_json: AsJson = False,
) -> None:
    from evals.paper.printed import read_printed  # noqa: PLC0415 - scipy is slow to import
    from evals.paper.tables import make_report  # noqa: PLC0415 - as above

    name, settings = str(context.info_name), settings_with(model)
    try:
        read = read_with_notes(dataset, options=ReadOptions(domain=domain))
        published = read_printed(printed) if printed else {}
    except RecNetError as error:
        fail(str(error))
    except ValidationError as error:
        fail(explain(error))
    for note in read.notes:
        notes.print(note, soft_wrap=True)
    require_folder(out)
    plan = Plan(
        seeds=seeds, draws=draws, split=Split(split), records=records, concurrency=concurrency
    )

    report = execute(
        with_bars(
            lambda recnet, progress: make_report(
                recnet, name, read.dataset, plan, out, networks_bar(progress), published
            )
        ),
        settings,
        command=f"paper {name}",
        cache=True,
    )
    output(report, as_json, lambda report: report.markdown())


for _name in DESIGNS:
    paper.command(name=_name, help=f"{DESIGNS[_name].title}.")(_table)


def settings_with(model: str | None) -> Settings:
    """Return the settings of the process, with another model if one is named.

    With the offline model no checkpoints are kept, unless RECNET_DURABILITY is set: it is faster,
    and a record that is made again after a crash costs nothing.
    """
    settings = read_settings()
    if model is not None:
        settings = settings.model_copy(update={"model": model})
    if settings.model == OFFLINE and "durability" not in settings.model_fields_set:
        settings = settings.model_copy(update={"durability": "exit"})
    return settings


def require_folder(out: Path) -> None:
    """Check that results can be written, before anything is paid for."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out).close()
    except OSError as error:
        fail(f"--out {out}: {error.strerror}; name a folder that can be written to")


def networks_bar(progress: Progress) -> Callable[[int, int], None]:
    """Return a callback that shows how many networks are trained, of how many."""
    bar = progress.add_task("networks", total=None, state="")
    return lambda done, total: progress.update(bar, completed=done, total=total)
