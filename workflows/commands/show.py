"""`recnet recommend`, `show`, `trace`: what reads a network and never changes it."""

from typing import Annotated, Literal

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from state.domain import ClientKind
from workflows.commands.console import AsJson, NetworkName, execute, fail, print_json, screen
from workflows.commands.trees import client_tree, network_tree, router_tree, trace_tree
from workflows.inspect import (
    ClientView,
    InteractionView,
    NetworkView,
    RouterView,
    view_client,
    view_interactions,
    view_network,
    view_router,
)
from workflows.recnet import RecNet
from workflows.trace import InteractionTrace, trace_interaction

app = typer.Typer()

What = Literal["network", "user", "item", "router", "interactions"]


@app.command()
def recommend(
    user: Annotated[str, typer.Argument(help="Key of the user.")],
    candidates: Annotated[
        list[str] | None, typer.Argument(help="Keys of items to rank; else the nearest ones.")
    ] = None,
    network: NetworkName = "default",
    count: Annotated[int, typer.Option(min=1, max=100, help="How many nearest items.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Rank items for a user, each with its reason."""
    out = execute(
        lambda recnet: recnet.recommend(network, user, candidates or (), count),
        command="recommend",
    )
    if as_json:
        print_json(dict(out))
        return
    table = Table("", "item", "title", "why", "from")
    for place, entry in enumerate(out["ranking"], start=1):
        table.add_row(str(place), entry.item, entry.title, entry.reason, entry.origin)
    screen.print(table)
    if out["missing"] or out["dropped"]:
        screen.print(f"{out['missing']} not in the reply, {out['dropped']} names dropped")


@app.command()
def show(
    what: Annotated[What, typer.Argument(help="What to look at.")] = "network",
    key: Annotated[
        str,
        typer.Argument(
            help="Key of the user or item, number of the router; of interactions, the user's key."
        ),
    ] = "",
    network: NetworkName = "default",
    as_json: AsJson = False,
) -> None:
    """Look at a network, a client, a router, or the interactions, all or of one user."""
    if what in ("user", "item", "router") and not key:
        fail(f"name the {what}: recnet show {what} KEY --network {network}")
    if what == "router" and not key.isdecimal():
        fail(f"a router has a number, not '{key}'")
    if what == "interactions":
        _show_interactions(network, key, as_json)
        return
    view = execute(lambda recnet: _view(recnet, network, what, key))
    if as_json:
        print_json(view)
    elif isinstance(view, NetworkView):
        screen.print(network_tree(view))
    elif isinstance(view, RouterView):
        screen.print(router_tree(view))
    else:
        screen.print(client_tree(view))


@app.command()
def trace(
    interaction: Annotated[str, typer.Argument(help="The interaction's identity.")],
    network: NetworkName = "default",
    calls: Annotated[
        bool, typer.Option("--calls", help="Each call too, with what a reasoning model thought.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell one interaction step by step: prediction, reward, gradients, before and after."""

    async def work(recnet: RecNet) -> InteractionTrace:
        found = await recnet.network(network)
        async with recnet.resources.pool.connection() as conn:
            return await trace_interaction(conn, found, interaction)

    lineage = execute(work)
    if as_json:
        print_json(lineage)
    else:
        screen.print(trace_tree(lineage, calls=calls))


async def _view(
    recnet: RecNet, name: str, what: What, key: str
) -> NetworkView | ClientView | RouterView:
    network = await recnet.network(name)
    async with recnet.resources.pool.connection() as conn:
        if what == "network":
            return await view_network(conn, network)
        if what == "router":
            return await view_router(conn, network, int(key))
        return await view_client(conn, network, ClientKind(what), key)


def _show_interactions(name: str, user: str, as_json: bool) -> None:
    async def work(recnet: RecNet) -> list[InteractionView]:
        network = await recnet.network(name)
        async with recnet.resources.pool.connection() as conn:
            return await view_interactions(conn, network, user)

    found = execute(work)
    if as_json:
        print_json(found)
        return
    table = Table(
        Column("interaction", overflow="fold"),  # what `trace` asks for: never cut
        *(Column(name, overflow="fold") for name in ("user", "took", "not")),
        "predicted",
        "why",
        box=SIMPLE,
    )
    for entry in found:
        outcome = "failed" if entry.failure else "right" if entry.reward else "wrong"
        reason = entry.failure or entry.reason
        table.add_row(entry.interaction, entry.user, entry.took, entry.not_taken, outcome, reason)
    screen.print(table)
