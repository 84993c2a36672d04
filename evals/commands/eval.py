"""`recnet eval`: the tables of the paper, each by one command."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError
from rich.progress import Progress

from evals.datasets.registry import read_dataset
from evals.paper.design import DESIGNS
from evals.planted.dataset import PLANTED
from evals.planted.world import MOST_READERS
from state.dataset import Dataset, Split
from state.errors import RecNetError
from state.settings import Settings
from workflows.commands.console import AsJson, execute, explain, fail, print_json, read_settings
from workflows.commands.progress import bars
from workflows.recnet import RecNet

if TYPE_CHECKING:
    from benchmarks.planted.report import StudyReport
    from evals.paper.report import Report

app = typer.Typer(help="Make the tables of the paper.", no_args_is_help=True)

Processes = Annotated[int, typer.Option(min=1, help="Networks that are learned at once.")]
Out = Annotated[Path, typer.Option(help="Where results are kept and tables are written.")]
Model = Annotated[
    str | None, typer.Option(help="The model; else RECNET_MODEL, else the offline one.")
]


@app.callback()
def main() -> None:
    """Make the tables of the paper; what is there already is not made again."""


def table(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="A folder of RecBole files, or planted:SEED:READERS.")
    ] = f"{PLANTED}:0",
    domain: Annotated[
        str | None, typer.Option(help="What the items of a folder are called: CDs, films.")
    ] = None,
    model: Model = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds.")] = 3,
    draws: Annotated[int, typer.Option(min=1, help="Draws of candidates a user and seed.")] = 3,
    split: Annotated[
        Literal["valid", "test"], typer.Option(help="`valid` for choices, `test` for the end.")
    ] = "test",
    records: Annotated[
        int | None, typer.Option(min=1, help="Learn from so many records at most.")
    ] = None,
    printed: Annotated[
        Path | None,
        typer.Option(
            help="A CSV file, name,NDCG@10, of figures printed elsewhere, to stand beside."
        ),
    ] = None,
    processes: Processes = 1,
    out: Out = Path("eval-results"),
    as_json: AsJson = False,
) -> None:
    """Make one table."""
    from evals.paper.experiment import Plan  # noqa: PLC0415 - statistics take seconds to import
    from evals.paper.printed import read_printed  # noqa: PLC0415
    from evals.paper.tables import make_report  # noqa: PLC0415

    name, settings = str(context.info_name), asking(model)
    data = read_data(dataset, domain)
    try:
        beside = read_printed(printed) if printed else {}
    except RecNetError as error:
        fail(str(error))
    require_folder(out)
    plan = Plan(seeds=seeds, draws=draws, split=Split(split), records=records, processes=processes)

    async def work(recnet: RecNet) -> "Report":
        with bars() as progress:
            tell = networks_bar(progress)
            return await make_report(recnet, name, data, plan, out, tell, beside)

    report = execute(work, settings, command=f"eval {name}", cache=True)
    if as_json:
        print_json(report)
    else:
        typer.echo(report.markdown())


for _name in DESIGNS:
    app.command(name=_name, help=f"{DESIGNS[_name].title}.")(table)


@app.command()
def planted(
    seeds: Annotated[str, typer.Option(help="Worlds: 0-9 to develop with, others to report.")] = (
        "0-9"
    ),
    users: Annotated[
        int, typer.Option(min=20, max=MOST_READERS, help="Readers of each world.")
    ] = 40,
    model: Model = None,
    processes: Processes = 1,
    out: Out = Path("eval-results"),
    as_json: AsJson = False,
) -> None:
    """Hold RecNet against silence and placebo in worlds where it must gain, and must not."""
    from benchmarks.planted.study import make_study  # noqa: PLC0415
    from benchmarks.planted.worlds import DEVELOPED  # noqa: PLC0415
    from evals.statistics import MOST_WORLDS  # noqa: PLC0415

    first, _, last = seeds.partition("-")
    known = first.isdecimal() and last.isdecimal()
    lowest, highest = (int(first), int(last)) if known else (0, 0)
    if not 2 <= highest - lowest + 1 <= MOST_WORLDS:
        fail(f"--seeds {seeds}: give the first and the last of 2 to {MOST_WORLDS} worlds, as 0-9")
    if lowest <= DEVELOPED < highest:
        fail(
            f"--seeds {seeds}: worlds up to {DEVELOPED} were developed with, those after them are "
            "for reports; a study may not mix them"
        )
    require_folder(out)
    worlds = range(lowest, highest + 1)

    async def work(recnet: RecNet) -> "StudyReport":
        with bars() as progress:
            return await make_study(recnet, worlds, users, processes, out, networks_bar(progress))

    report = execute(work, asking(model), command="eval planted", cache=True)
    if as_json:
        print_json(report)
    else:
        typer.echo(report.markdown())


def asking(model: str | None) -> Settings:
    """Return the settings of the process, with another model where one is named."""
    settings = read_settings()
    return settings if model is None else settings.model_copy(update={"model": model})


def require_folder(out: Path) -> None:
    """Make sure that results can be written before anything is paid for."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out).close()
    except OSError as error:
        fail(f"--out {out}: {error.strerror}; name a folder that can be written to")


def networks_bar(progress: Progress) -> Callable[[int, int], None]:
    """Return what shows how many networks are learned, of how many."""
    bar = progress.add_task("networks", total=None, state="")

    def tell(done: int, total: int) -> None:
        progress.update(bar, completed=done, total=total)

    return tell


def read_data(dataset: str, domain: str | None) -> Dataset:
    """Return the data set of a folder, or that of a planted world."""
    try:
        return read_dataset(dataset, domain=domain)
    except RecNetError as error:
        fail(str(error))
    except ValidationError as error:
        fail(explain(error))
