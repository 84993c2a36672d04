"""`recnet gc`: the checkpoints that nobody needs."""

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from workflows.collection import Collected, collect
from workflows.commands.console import AsJson, execute, print_json, screen

app = typer.Typer()

_MEGABYTE = 1_000_000


@app.command()
def gc(
    server: Annotated[
        bool,
        typer.Option(
            "--server", help="Also cut the Agent Server's threads down to their last state."
        ),
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Give all free space back to the disk; runs wait while it does."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the checkpoints of runs that ended; one that was stopped keeps them to go on."""
    found = execute(lambda recnet: collect(recnet, server=server, full=full))
    if as_json:
        print_json(found)
        return
    screen.print(_table(found))
    screen.print(f"{found.deleted:,} threads deleted; {len(found.kept):,} kept for runs to go on")
    if server:
        screen.print(f"{found.pruned:,} threads of the Agent Server hold only their last state now")
    elif found.server:
        screen.print(
            f"{len(found.server):,} threads of the Agent Server stay as they are; "
            "`recnet gc --server` cuts them down to their last state",
            soft_wrap=True,
        )
    if found.deleted and not full:
        screen.print("files that are still large: `recnet gc --full` gives all that is free back")


def _table(found: Collected) -> Table:
    counts = ("rows", "rows after", "MB", "MB after")
    table = Table(
        "table", *(Column(name, justify="right", no_wrap=True) for name in counts), box=SIMPLE
    )
    for name, before in found.before.items():
        after = found.after[name]
        table.add_row(
            name,
            f"{before.rows:,}",
            f"{after.rows:,}",
            f"{before.bytes / _MEGABYTE:,.1f}",
            f"{after.bytes / _MEGABYTE:,.1f}",
        )
    return table
