"""`recnet dataset`: inspect a data set before it is loaded."""

from typing import Annotated

import typer

from evals.datasets.reader import LeftOut
from evals.datasets.registry import read_with_left_out
from evals.datasets.splits import SplitStrategy
from evals.datasets.stats import dataset_stats
from state.errors import RecNetError
from workflows.commands.console import AsJson, display, fail, output

SplitBy = Annotated[
    SplitStrategy,
    typer.Option(
        "--split", help="Hold out each user's last events, or all events after one moment."
    ),
]

dataset = typer.Typer(help="Inspect a data set before it is loaded.")


@dataset.callback()
def _group() -> None:
    """Keep `stats` a subcommand, as typer makes an only command the group itself."""


@dataset.command()
def stats(
    source: Annotated[
        str, typer.Argument(help="A folder with *.inter and *.item files, or planted:SEED:READERS.")
    ],
    split: SplitBy = SplitStrategy.LEAVE_ONE_OUT,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print statistics of a data set: sizes, sparsity, lengths, splits, unseen targets."""
    try:
        found = read_with_left_out(source, split=split)
    except RecNetError as error:
        fail(str(error))
    described = dataset_stats(found.dataset)
    if markdown and not as_json:
        display(described.markdown())
    else:
        output(described, as_json, lambda _: [described.rich(), *left_out_lines(found.left_out)])


def left_out_lines(left_out: LeftOut) -> list[str]:
    """Return a line about the events that a split by time leaves out, if there are any."""
    if not left_out.events:
        return []
    return [
        f"left out by the split: {left_out.events:,} events, and {left_out.users:,} users who "
        "have none before the moment"
    ]
