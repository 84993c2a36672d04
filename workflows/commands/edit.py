"""`recnet edit`: give a module another text by hand (see `workflows/edits.py`)."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import click
import typer

from state.store.module_names import FORMS
from workflows.commands.console import AsJson, NetworkName, execute, fail, notes, output

if TYPE_CHECKING:
    from workflows.edits import Revision
    from workflows.recnet import RecNet

ModuleName = Annotated[str, typer.Argument(metavar="MODULE", help=f"One of {FORMS}.")]
Note = Annotated[str, typer.Option("--note", help="The reason, stored with the version.")]


def edit(
    module: ModuleName,
    network: NetworkName = "default",
    text: Annotated[
        str | None,
        typer.Option(
            "--text", help="The new text, or `-` for standard input. Without it $EDITOR opens."
        ),
    ] = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Give a module another text. Rules of a filter memory are one a line."""
    if text is not None:
        given = _read_input() if text == "-" else text
        revise(lambda recnet: recnet.network(network).edit(module, given, note=note), as_json)
        return
    _require_editor()
    current = execute(lambda recnet: recnet.network(network).module(module))
    base = current.version
    try:
        written = click.edit(current.content)
    except click.ClickException as error:
        fail(f"{error.message}: set EDITOR to an editor, or give --text")
    except UnicodeDecodeError:
        fail("what the editor saved is not UTF-8 text: save it as UTF-8, or give --text")
    if written is None:
        notes.print("nothing was saved in the editor, so nothing changes")
        return
    try:
        revise(lambda r: r.network(network).edit(module, written, note=note, base=base), as_json)
    except typer.Exit:
        with tempfile.NamedTemporaryFile("w", prefix="recnet-", delete=False) as kept:
            kept.write(written)
        notes.print(f"what you wrote is kept in {kept.name}", soft_wrap=True)
        raise


def revise(work: Callable[["RecNet"], Awaitable["Revision"]], as_json: bool) -> None:
    """Change a module and print what became of it."""
    revision = execute(work)
    line = f"{revision.module} is so already, at version {revision.version}"
    if revision.changed:
        line = f"{revision.module} is at version {revision.version} now ({revision.author})"
    output(revision, as_json, lambda _: line)


def _require_editor() -> None:
    variable = "VISUAL" if os.environ.get("VISUAL") else "EDITOR"
    if (named := os.environ.get(variable, "")) and shutil.which(shlex.split(named)[0]) is None:
        fail(f"{variable}={named}: no such program; set it to an editor, or give --text")


def _read_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        fail("standard input is not UTF-8 text")
