"""Pins: modules whose text stays as it is until a person unpins them."""

from typing import LiteralString

from state.db.pool import Connection
from state.domain import ClientKind, Module, ModuleKind

_COLUMNS: dict[ModuleKind, tuple[LiteralString, LiteralString]] = {
    ModuleKind.USER_PROFILE: ("clients", "profile_pinned"),
    ModuleKind.ITEM_PROFILE: ("clients", "profile_pinned"),
    ModuleKind.FILTER_MEMORY: ("clients", "filter_pinned"),
    ModuleKind.ROUTER: ("routers", "pinned"),
}


async def is_pinned(conn: Connection, network: int, module: Module) -> bool:
    """Return whether a module is pinned."""
    table, column = _COLUMNS[module.kind]
    cursor = await conn.execute(
        f"SELECT {column} AS pinned FROM {table} WHERE network_id = %s AND id = %s",  # noqa: S608
        (network, module.owner),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["pinned"])


async def pin_module(conn: Connection, network: int, module: Module, *, pinned: bool) -> None:
    """Pin a module, or unpin it."""
    table, column = _COLUMNS[module.kind]
    await conn.execute(
        f"UPDATE {table} SET {column} = %s WHERE network_id = %s AND id = %s",  # noqa: S608
        (pinned, network, module.owner),
    )


async def list_pinned(conn: Connection, network: int) -> list[Module]:
    """Return the pinned modules: profiles and filter memories by client, then routers."""
    cursor = await conn.execute(
        "SELECT id, kind, profile_pinned, filter_pinned FROM clients "
        "WHERE network_id = %s AND (profile_pinned OR filter_pinned) ORDER BY id",
        (network,),
    )
    modules = []
    for row in await cursor.fetchall():
        profile = ModuleKind.profile_of(ClientKind(row["kind"]))
        held = ((profile, "profile_pinned"), (ModuleKind.FILTER_MEMORY, "filter_pinned"))
        modules += [Module(kind=kind, owner=row["id"]) for kind, pinned in held if row[pinned]]
    cursor = await conn.execute(
        "SELECT id FROM routers WHERE network_id = %s AND pinned AND heirs = '{}' ORDER BY id",
        (network,),
    )
    rows = await cursor.fetchall()
    return modules + [Module(kind=ModuleKind.ROUTER, owner=row["id"]) for row in rows]
