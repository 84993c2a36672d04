"""`recnet edit`, `rollback`, `pin`, `unpin`: what a person changes by hand."""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Annotated

import click
import typer

from workflows.commands.console import (
    AsJson,
    NetworkName,
    execute,
    fail,
    notes,
    print_json,
    screen,
)
from workflows.edits import Revision, edit, pin, read_module, roll_back
from workflows.find_module import FORMS
from workflows.recnet import RecNet

app = typer.Typer()

ModuleName = Annotated[str, typer.Argument(metavar="MODULE", help=f"One of {FORMS}.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the version.")]


@app.command()
def rollback(
    module: ModuleName,
    to: Annotated[int, typer.Option(min=1, help="The version whose text it gets again.")],
    network: NetworkName = "default",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Give a module the text of an earlier version, as a new version."""
    _carry_out(lambda recnet: roll_back(recnet, network, module, to, note=note), as_json)


@app.command(name="edit")
def edit_command(
    module: ModuleName,
    network: NetworkName = "default",
    text: Annotated[
        str | None,
        typer.Option("--text", help="The new text, `-` for standard input; else your $EDITOR."),
    ] = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Give a module another text; rules are one a line."""
    if text is not None:
        given = _read_input() if text == "-" else text
        _carry_out(lambda recnet: edit(recnet, network, module, given, note=note), as_json)
        return
    current = execute(lambda recnet: read_module(recnet, network, module))
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
        _carry_out(
            lambda recnet: edit(recnet, network, module, written, note=note, base=current.version),
            as_json,
        )
    except typer.Exit:
        with tempfile.NamedTemporaryFile("w", prefix="recnet-", delete=False) as kept:
            kept.write(written)
        notes.print(f"what you wrote is kept in {kept.name}", soft_wrap=True)
        raise


@app.command(name="pin")
def pin_command(
    module: ModuleName, network: NetworkName = "default", note: Note = "", as_json: AsJson = False
) -> None:
    """Keep a module's text as it is, whatever is learned, until it is unpinned."""
    _carry_out(lambda recnet: pin(recnet, network, module, note=note), as_json)


@app.command()
def unpin(
    module: ModuleName, network: NetworkName = "default", note: Note = "", as_json: AsJson = False
) -> None:
    """Let what is learned change a module again."""
    _carry_out(lambda recnet: pin(recnet, network, module, pinned=False, note=note), as_json)


def _read_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        fail("standard input is not UTF-8 text")


def _carry_out(work: Callable[[RecNet], Awaitable[Revision]], as_json: bool) -> None:
    revision = execute(work)
    if as_json:
        print_json(revision)
    elif revision.changed:
        screen.print(f"{revision.module} is at version {revision.version} now ({revision.author})")
    else:
        screen.print(f"{revision.module} is so already, at version {revision.version}")
