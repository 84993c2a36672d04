"""Versions: every text a module ever had, and what made it; and which modules are pinned.

No version is overwritten. A pinned module keeps its text until a person unpins it.
"""

from datetime import datetime
from typing import Literal, LiteralString

from state.db.pool import Connection
from state.db.query import fetch_all, fetch_models, fetch_one, update_row
from state.domain import ClientKind, Frozen, Module, ModuleKind

Author = Literal[
    "bootstrap", "reception", "gradient", "summary", "split", "merge", "reflection",
    "edit", "rollback", "pin", "unpin",
]  # fmt: skip
"""What made a version: the first text, a merge of messages (`P_c^pro`), an optimizer's rewrite,
a summary of attributes taken in (Eq. 3), a change of structure, an agent's reflection (a baseline);
or a person. Pinning and unpinning are versions with the text of the one before."""


class Version(Frozen):
    """One version of a module."""

    version: int
    content: str
    author: Author
    interaction_id: str | None
    window_id: int | None
    note: str
    """What the person who made it said; empty for one that the system made."""
    created_at: datetime


def join_rules(rules: list[str] | tuple[str, ...]) -> str:
    """Return the rules of a filter memory as one text: a rule is one line."""
    return "\n".join(rules)


def split_rules(content: str) -> tuple[str, ...]:
    """Return the rules that `join_rules` joined."""
    return tuple(content.splitlines())


async def append_version(
    conn: Connection,
    network: int,
    module: Module,
    version: int,
    content: str,
    author: Author,
    *,
    interaction: str | None = None,
    window: int | None = None,
    note: str = "",
) -> None:
    """Append one version; the caller points the module's row at it in the same transaction."""
    await conn.execute(
        "INSERT INTO module_versions (network_id, module, owner, version, content, author, "
        "interaction_id, window_id, note) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (network, module.kind, module.owner, version, content, author, interaction, window, note),
    )


_VERSIONS = (
    f"SELECT {', '.join(Version.model_fields)} FROM module_versions "  # noqa: S608 - our own names
    "WHERE network_id = %s AND module = %s AND owner = %s "
)


async def read_versions(conn: Connection, network: int, module: Module) -> list[Version]:
    """Return all versions of a module, oldest first."""
    query = _VERSIONS + "ORDER BY version"
    return await fetch_models(conn, Version, query, (network, module.kind, module.owner))


async def read_authors(conn: Connection, network: int) -> set[Author]:
    """Return what has made versions in a network."""
    query = "SELECT DISTINCT author FROM module_versions WHERE network_id = %s"
    return {row["author"] for row in await fetch_all(conn, query, (network,))}


async def read_version(
    conn: Connection, network: int, module: Module, version: int
) -> Version | None:
    """Return one version of a module, or None where there is none of that number."""
    row = await fetch_one(
        conn, _VERSIONS + "AND version = %s", (network, module.kind, module.owner, version)
    )
    return None if row is None else Version.model_validate(row)


_PINNED: dict[ModuleKind, tuple[LiteralString, LiteralString]] = {
    ModuleKind.USER_PROFILE: ("clients", "profile_pinned"),
    ModuleKind.ITEM_PROFILE: ("clients", "profile_pinned"),
    ModuleKind.FILTER_MEMORY: ("clients", "filter_pinned"),
    ModuleKind.ROUTER: ("routers", "pinned"),
}


async def is_pinned(conn: Connection, network: int, module: Module) -> bool:
    """Return whether a module is pinned."""
    table, column = _PINNED[module.kind]
    query = f"SELECT {column} AS pinned FROM {table} WHERE network_id = %s AND id = %s"  # noqa: S608
    row = await fetch_one(conn, query, (network, module.owner))
    return row is not None and bool(row["pinned"])


async def pin_module(conn: Connection, network: int, module: Module, *, pinned: bool) -> None:
    """Pin a module, or unpin it."""
    table, column = _PINNED[module.kind]
    await update_row(conn, table, network, module.owner, **{column: pinned})


async def list_pinned(conn: Connection, network: int) -> list[Module]:
    """Return the pinned modules: profiles and filter memories by client, then routers."""
    query = (
        "SELECT id, kind, profile_pinned, filter_pinned FROM clients "
        "WHERE network_id = %s AND (profile_pinned OR filter_pinned) ORDER BY id"
    )
    modules = []
    for row in await fetch_all(conn, query, (network,)):
        profile = ModuleKind.profile_of(ClientKind(row["kind"]))
        held = ((profile, "profile_pinned"), (ModuleKind.FILTER_MEMORY, "filter_pinned"))
        modules += [Module(kind=kind, owner=row["id"]) for kind, pinned in held if row[pinned]]
    query = "SELECT id FROM routers WHERE network_id = %s AND pinned AND heirs = '{}' ORDER BY id"
    return modules + [Module.router(row["id"]) for row in await fetch_all(conn, query, (network,))]
