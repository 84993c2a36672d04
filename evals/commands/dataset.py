"""`recnet dataset`: looking at data before anything is loaded."""

from typing import Annotated

import typer

from evals.datasets.reader import LeftOut
from evals.datasets.registry import read_with_left_out
from evals.datasets.splits import SplitStrategy
from evals.datasets.stats import dataset_stats
from state.errors import RecNetError
from workflows.commands.console import AsJson, fail, print_json, screen

SplitAt = Annotated[
    SplitStrategy,
    typer.Option("--split", help="Hold out each user's last, or what is later than one moment."),
]

app = typer.Typer(help="Look at a data set's files before they are loaded.")


@app.callback()
def main() -> None:
    """Look at a data set's files before they are loaded."""


@app.command()
def stats(
    source: Annotated[
        str, typer.Argument(help="A folder with *.inter and *.item files, or planted:SEED:READERS.")
    ],
    split: SplitAt = SplitStrategy.LEAVE_ONE_OUT,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a data set is like: sizes, sparsity, lengths, splits, unseen targets."""
    try:
        found = read_with_left_out(source, split=split)
    except RecNetError as error:
        fail(str(error))
    described = dataset_stats(found.dataset)
    if as_json:
        print_json(described)
    elif markdown:
        typer.echo(described.markdown())
    else:
        screen.print(described.rich())
        print_left_out(found.left_out)


def print_left_out(left_out: LeftOut) -> None:
    """Say what a split has no part for, if there is anything."""
    if left_out.events:
        screen.print(
            f"left out by the split: {left_out.events:,} events, and {left_out.users:,} users who "
            "have none before the moment",
            soft_wrap=True,
        )
