"""`recnet dataset`: looking at data before anything is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from evals.datasets.recbole import LeftOut, Splitting, read_split
from evals.datasets.stats import dataset_stats
from evals.planted.dataset import find_world
from state.dataset import Dataset
from state.errors import InputError, RecNetError
from workflows.commands.console import AsJson, fail, print_json, screen

SplitAt = Annotated[
    Splitting,
    typer.Option("--split", help="Hold out each user's last, or what is later than one moment."),
]

app = typer.Typer(help="Look at a data set's files before they are loaded.")


@app.callback()
def main() -> None:
    """Look at a data set's files before they are loaded."""


@app.command()
def stats(
    folder: Annotated[
        str, typer.Argument(help="A folder with *.inter and *.item files, or planted:SEED:READERS.")
    ],
    split: SplitAt = Splitting.LEAVE_ONE_OUT,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a data set is like: sizes, sparsity, lengths, splits, unseen targets."""
    try:
        dataset, left_out = _read(folder, split)
    except RecNetError as error:
        fail(str(error))
    figures = dataset_stats(dataset)
    if as_json:
        print_json(figures)
    elif markdown:
        typer.echo(figures.markdown())
    else:
        screen.print(figures.rich())
        print_left_out(left_out)


def _read(folder: str, split: Splitting) -> tuple[Dataset, LeftOut]:
    if (world := find_world(folder)) is None:
        return read_split(Path(folder), split)
    if split is not Splitting.LEAVE_ONE_OUT:
        raise InputError(f"{folder}: a planted world is split by {Splitting.LEAVE_ONE_OUT} only")
    return world, LeftOut(users=0, events=0)


def print_left_out(left_out: LeftOut) -> None:
    """Say what a split has no part for, if there is anything."""
    if left_out.events:
        screen.print(
            f"left out by the split: {left_out.events:,} events, and {left_out.users:,} users who "
            "have none before the moment",
            soft_wrap=True,
        )
