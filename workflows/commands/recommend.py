"""`recnet recommend`: rank items for a user."""

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table

from workflows.commands.console import AsJson, NetworkName, execute, output


def recommend(
    user: Annotated[str, typer.Argument(help="Key of the user.")],
    candidates: Annotated[
        list[str] | None,
        typer.Argument(help="Keys of items to rank; the nearest items, if none is given."),
    ] = None,
    network: NetworkName = "default",
    count: Annotated[int, typer.Option(min=1, max=100, help="How many nearest items.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Rank items for a user, each with a reason. Nothing in the network changes."""
    out = execute(
        lambda recnet: recnet.network(network).recommend(user, candidates or (), count),
        command="recommend",
    )
    table = Table("", "item", "title", "why", "from")
    for rank, entry in enumerate(out["ranking"], start=1):
        table.add_row(str(rank), entry.item, entry.title, entry.reason, entry.origin)
    left_out = f"{out['missing']} not in the reply, {out['dropped']} names dropped"
    shown: list[RenderableType] = [table, left_out] if out["missing"] or out["dropped"] else [table]
    output(out, as_json, lambda _: shown)
