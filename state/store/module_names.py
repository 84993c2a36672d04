"""Names of clients and modules, as a person types and reads them: `user:2867`, `router:3`."""

from collections.abc import Mapping

from state.db.pool import Connection
from state.domain import Module, ModuleKind
from state.store.clients import list_clients

Names = Mapping[int, str]
"""Names of one network's clients by id."""


async def name_clients(conn: Connection, network: int) -> Names:
    """Return the names of all clients of a network."""
    return {c.id: f"{c.kind}:{c.key}" for c in await list_clients(conn, network)}


def module_name(module: Module, clients: Names) -> str:
    """Return a module's name: `user:KEY`, `item:KEY`, `rules:user:KEY`, `router:NUMBER`."""
    if module.kind is ModuleKind.ROUTER:
        return f"router:{module.owner}"
    rules = "rules:" if module.kind is ModuleKind.FILTER_MEMORY else ""
    return rules + clients[module.owner]
