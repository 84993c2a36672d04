"""`recnet dataset`: looking at data before anything is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from evals.figures import read_figures
from evals.recbole import read_dataset
from state.errors import RecNetError
from workflows.commands.console import AsJson, fail, print_json, screen

app = typer.Typer(help="Look at a data set's files before they are loaded.")


@app.callback()
def main() -> None:
    """Look at a data set's files before they are loaded."""


@app.command()
def stats(
    folder: Annotated[Path, typer.Argument(help="A folder with *.inter and *.item files.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a data set is like: sizes, sparsity, lengths, splits, unseen targets."""
    try:
        figures = read_figures(read_dataset(folder))
    except RecNetError as error:
        fail(str(error))
    if as_json:
        print_json(figures)
    elif markdown:
        typer.echo(figures.markdown())
    else:
        screen.print(figures.rich())
