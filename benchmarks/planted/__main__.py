"""`python -m benchmarks.planted`: the study of planted worlds."""

from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv

from benchmarks.planted.claims import DEVELOPMENT_SEEDS
from benchmarks.planted.study import make_study
from benchmarks.planted.verdicts import MOST_WORLDS
from evals.commands.paper import (
    Concurrency,
    Model,
    Out,
    networks_bar,
    require_folder,
    settings_with,
)
from evals.planted.world import MOST_READERS
from workflows.commands.console import AsJson, execute, fail, output
from workflows.commands.progress import with_bars

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def planted(
    seeds: Annotated[
        str, typer.Option(help="Worlds: 0-9 to develop with, others for reports.")
    ] = "0-9",
    users: Annotated[
        int, typer.Option(min=20, max=MOST_READERS, help="Readers of each world.")
    ] = 40,
    model: Model = None,
    concurrency: Concurrency = 1,
    out: Out = Path("bench-results"),
    as_json: AsJson = False,
) -> None:
    """Compare RecNet with no propagation and placebo propagation in planted worlds."""
    load_dotenv(".env")
    worlds = _worlds(seeds)
    require_folder(out)

    report = execute(
        with_bars(
            lambda recnet, progress: make_study(
                recnet, worlds, users, concurrency, networks_bar(progress)
            )
        ),
        settings_with(model),
        command="planted",
        cache=True,
    )
    stem = f"planted-{worlds[0]}-{worlds[-1]}-{users}"
    (out / f"{stem}.md").write_text(report.markdown(), "utf-8")
    (out / f"{stem}.json").write_text(report.model_dump_json(indent=1), "utf-8")
    output(report, as_json, lambda report: report.markdown())


def _worlds(seeds: str) -> range:
    first, _, last = seeds.partition("-")
    known = first.isdecimal() and last.isdecimal()
    lowest, highest = (int(first), int(last)) if known else (0, 0)
    if not 2 <= highest - lowest + 1 <= MOST_WORLDS:
        fail(f"--seeds {seeds}: give the first and the last of 2 to {MOST_WORLDS} worlds, as 0-9")
    if lowest in DEVELOPMENT_SEEDS and highest not in DEVELOPMENT_SEEDS:
        fail(
            f"--seeds {seeds}: 0-9 are for development, others for reports; "
            "a study may not mix them"
        )
    return range(lowest, highest + 1)


if __name__ == "__main__":
    app()
