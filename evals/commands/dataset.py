"""`recnet dataset`: inspect a data set before it is loaded."""

from typing import Annotated

import typer

from evals.commands.reading import said, with_read_options
from evals.datasets.reader import ReadResult
from evals.datasets.stats import dataset_stats
from workflows.commands.console import AsJson, display, notes, output

dataset = typer.Typer(help="Inspect a data set before it is loaded.")


@dataset.callback()
def _group() -> None:
    """Keep `stats` a subcommand, as typer makes an only command the group itself."""


@dataset.command()
@with_read_options
def stats(
    read: ReadResult,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print statistics of a data set: sizes, sparsity, lengths, splits, unseen targets."""
    described = dataset_stats(read.dataset)
    if as_json:
        output(described.model_dump() | {"notes": read.notes}, as_json, str)
    elif markdown:
        display(described.markdown())
        for line in said(read):
            notes.print(line, soft_wrap=True)
    else:
        display(described.rich(), *said(read))
