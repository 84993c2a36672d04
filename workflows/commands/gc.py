"""`recnet gc`: delete checkpoints that nobody needs."""

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Column, Table

from workflows.checkpoint_cleanup import Collected, collect
from workflows.commands.console import AsJson, execute, output

_MEGABYTE = 1_000_000
_SHOWN = 3


def gc(
    server: Annotated[
        bool,
        typer.Option("--server", help="Also cut the Agent Server's threads to their last state."),
    ] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Return all free space to the disk. Runs wait meanwhile."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the checkpoints of runs that ended. Stopped runs keep theirs to go on from."""
    found = execute(lambda recnet: collect(recnet, server=server, full=full))
    output(found, as_json, lambda _: _render(found, server=server, full=full))


def _render(found: Collected, *, server: bool, full: bool) -> list[RenderableType]:
    lines: list[RenderableType] = [
        _table(found),
        f"our threads: {found.deleted:,} deleted, {len(found.kept):,} kept to go on from",
    ]
    if found.server:
        more = f" and {len(found.server) - _SHOWN:,} more" if len(found.server) > _SHOWN else ""
        lines += [
            f"threads of the Agent Server: {', '.join(found.server[:_SHOWN])}{more}",
            f"{found.pruned:,} of them cut to their last state now"
            if server
            else "they stay as they are; `recnet gc --server` cuts them to their last state",
        ]
    if found.deleted and not full:
        lines.append("`recnet gc --full` returns the free space in files; runs wait meanwhile")
    return lines


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
