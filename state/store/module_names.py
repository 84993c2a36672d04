"""Names of clients and modules, as a person types and reads them: `user:2867`, `router:3`."""

from collections.abc import Collection, Mapping

from state.db.pool import Connection
from state.domain import Module, ModuleKind
from state.store.clients import ClientName, list_clients

Names = Mapping[int, ClientName]
"""Names of one network's clients by id."""


async def name_clients(conn: Connection, network: int, ids: Collection[int] | None = None) -> Names:
    """Return the names of clients of a network, all or those with these ids."""
    return {client.id: client for client in await list_clients(conn, network, ids=ids)}


def client_name(client: ClientName) -> str:
    """Return a client's name: `user:KEY` or `item:KEY`."""
    return f"{client.kind}:{client.key}"


def module_name(module: Module, clients: Names) -> str:
    """Return a module's name: `user:KEY`, `item:KEY`, `rules:user:KEY`, `router:NUMBER`."""
    if module.kind is ModuleKind.ROUTER:
        return f"router:{module.owner}"
    rules = "rules:" if module.kind is ModuleKind.FILTER_MEMORY else ""
    return rules + client_name(clients[module.owner])
