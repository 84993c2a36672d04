"""`recnet networks`: list the networks of the database."""

from typing import TYPE_CHECKING, Any

from rich.table import Table

from state.domain import ClientKind
from state.store.clients import count_clients
from state.store.interactions import list_interactions
from state.store.networks import list_networks
from state.store.routers import count_routers
from workflows.commands.console import AsJson, execute, output

if TYPE_CHECKING:
    from workflows.recnet import RecNet


def networks(as_json: AsJson = False) -> None:
    """List the networks of the database."""
    rows = execute(_list)
    table = Table("network", "data set", "users", "items", "routers", "interactions")
    for row in rows:
        table.add_row(*map(str, row.values()))
    none = "no networks yet: `recnet demo` makes one, `recnet load` another"
    output(rows, as_json, lambda _: table if rows else none)


async def _list(recnet: "RecNet") -> list[dict[str, Any]]:
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
