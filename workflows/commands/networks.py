"""`recnet networks`, `drop`, `digest`: the networks of a database."""

from typing import Annotated, Any

import typer
from rich.table import Table

from state.domain import ClientKind
from state.store.clients import count_clients
from state.store.interactions import list_interactions
from state.store.network_diff import Differences, compare_networks
from state.store.networks import list_networks
from state.store.routers import count_routers
from workflows.commands.console import (
    AsJson,
    NetworkName,
    execute,
    fail,
    print_json,
    screen,
)
from workflows.commands.diff_tree import differences_tree
from workflows.recnet import RecNet

app = typer.Typer()

DIFFERENT = 4
"""Exit code: the two networks that were compared are not the same."""


@app.command()
def networks(as_json: AsJson = False) -> None:
    """List the networks of the database."""
    rows = execute(_list)
    if as_json:
        print_json(rows)
        return
    if not rows:
        screen.print("no networks yet: `recnet demo` makes one, `recnet load` another")
        return
    table = Table("network", "data set", "users", "items", "routers", "interactions")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    screen.print(table)


@app.command()
def drop(
    network: NetworkName = "default",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a network with everything that is kept of it."""

    if not yes:
        execute(lambda recnet: recnet.network(network))
        # Asked while no event loop runs, so that a Ctrl-C is an answer.
        if not typer.confirm(f"Delete network '{network}' for good?", err=True):
            fail("nothing was deleted")
    execute(lambda recnet: recnet.drop(network))
    screen.print(f"dropped network '{network}'", highlight=False)


@app.command()
def digest(
    network: NetworkName = "default",
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option("--diff", metavar="A B", help="Say where the networks A and B part."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a network's digest: the same digest means the same network."""
    if diff is not None:
        _diff(*diff, as_json)
        return
    value = execute(lambda recnet: recnet.digest(network))
    if as_json:
        print_json({"network": network, "digest": value})
    else:
        typer.echo(value)


def _diff(first: str, second: str, as_json: bool) -> None:
    async def work(recnet: RecNet) -> Differences:
        networks = await recnet.network(first), await recnet.network(second)
        async with recnet.resources.pool.connection() as conn:
            return await compare_networks(conn, *networks)

    found = execute(work)
    if as_json:
        print_json({"same": found.same, **found.model_dump(mode="json")})
    elif found.same:
        typer.echo(f"'{first}' and '{second}' are the same: {found.digests[0]}")
    else:
        screen.print(differences_tree(found))
    if not found.same:
        raise typer.Exit(DIFFERENT)


async def _list(recnet: RecNet) -> list[dict[str, Any]]:
    async with recnet.resources.pool.connection() as conn:
        rows = []
        for network in await list_networks(conn):
            clients = await count_clients(conn, network.id)
            routers, _ = await count_routers(conn, network.id)
            rows.append(
                {
                    "network": network.name,
                    "dataset": network.dataset,
                    "users": clients[ClientKind.USER],
                    "items": clients[ClientKind.ITEM],
                    "routers": routers,
                    "interactions": len(await list_interactions(conn, network.id)),
                }
            )
        return rows
