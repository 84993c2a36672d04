"""`recnet gc`: the checkpoints that nobody needs."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from workflows.checkpoint_cleanup import Collected, collect
from workflows.commands.console import AsJson, execute, print_json, screen

app = typer.Typer()

_MEGABYTE = 1_000_000
_SHOWN = 3


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
    screen.print(f"our threads: {found.deleted:,} deleted, {len(found.kept):,} kept to go on from")
    if found.server:
        screen.print(f"threads of the Agent Server: {_named(found.server)}", soft_wrap=True)
        screen.print(
            f"{found.pruned:,} of them cut down to their last state now"
            if server
            else "they stay as they are; `recnet gc --server` cuts them down to their last state"
        )
    if found.deleted and not full:
        screen.print(
            "`recnet gc --full` gives back what files still hold free; runs wait meanwhile"
        )


def _named(threads: Sequence[str]) -> str:
    more = f" and {len(threads) - _SHOWN:,} more" if len(threads) > _SHOWN else ""
    return ", ".join(threads[:_SHOWN]) + more


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
