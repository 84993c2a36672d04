"""Names of clients and modules, as a person types and reads them: `user:2867`, `router:3`."""

import re
from collections.abc import Collection, Mapping

from state.db.pool import Connection
from state.domain import ClientKind, Module, ModuleKind
from state.errors import InputError
from state.store.clients import ClientName, find_clients, list_clients
from state.store.networks import NetworkRecord
from state.store.routers import read_heirs

Names = Mapping[int, ClientName]
"""Names of one network's clients by id."""

FORMS = "user:KEY, item:KEY, rules:user:KEY, rules:item:KEY, router:NUMBER"
"""How the name of a module is written."""

_NAME = re.compile(r"(?P<rules>rules:)?(?P<kind>user|item):(?P<key>.+)|router:(?P<router>[0-9]+)")


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


async def find_module(conn: Connection, network: NetworkRecord, name: str) -> Module:
    """Return the module of that name.

    An InputError tells of a wrong form, an unknown client or router, or a retired router's heirs.
    """
    if (match := _NAME.fullmatch(name)) is None:
        raise InputError(f"'{name}' is not the name of a module: write it as one of {FORMS}")
    if match["router"]:
        router, heirs = int(match["router"]), await read_heirs(conn, network.id)
        if router not in heirs:
            raise InputError(f"no router {router}; there are 1 to {max(heirs, default=0)}")
        if found := heirs[router]:
            raise InputError(f"router {router} has retired; heirs: {', '.join(map(str, found))}")
        return Module.router(router)
    kind = ClientKind(match["kind"])
    owner = (await find_clients(conn, network.id, kind, [match["key"]]))[match["key"]]
    module = ModuleKind.FILTER_MEMORY if match["rules"] else ModuleKind.profile_of(kind)
    return Module(kind=module, owner=owner)
