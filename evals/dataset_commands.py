"""`recnet dataset`: looking at data before anything is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from evals.figures import read_figures
from evals.recbole import LeftOut, Splitting, read_split
from state.errors import RecNetError
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
    folder: Annotated[Path, typer.Argument(help="A folder with *.inter and *.item files.")],
    split: SplitAt = Splitting.LEAVE_ONE_OUT,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a data set is like: sizes, sparsity, lengths, splits, unseen targets."""
    try:
        dataset, left_out = read_split(folder, split)
    except RecNetError as error:
        fail(str(error))
    figures = read_figures(dataset)
    if as_json:
        print_json(figures)
    elif markdown:
        typer.echo(figures.markdown())
    else:
        screen.print(figures.rich())
        print_left_out(left_out)


def print_left_out(left_out: LeftOut) -> None:
    """Say what a split has no part for, if there is anything."""
    if left_out.events:
        screen.print(
            f"left out by the split: {left_out.events:,} events, and {left_out.users:,} users who "
            "have none before the moment",
            soft_wrap=True,
        )
