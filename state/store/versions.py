"""Versions: every text a module ever had, and what made it. Nothing is overwritten."""

from datetime import datetime
from typing import Literal

from state.db.pool import Connection
from state.domain import Frozen, Module

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


_COLUMNS = "version, content, author, interaction_id, window_id, note, created_at"


async def read_versions(conn: Connection, network: int, module: Module) -> list[Version]:
    """Return all versions of a module, oldest first."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM module_versions "  # noqa: S608
        "WHERE network_id = %s AND module = %s AND owner = %s ORDER BY version",
        (network, module.kind, module.owner),
    )
    return [Version.model_validate(row) for row in await cursor.fetchall()]


async def read_authors(conn: Connection, network: int) -> set[Author]:
    """Return what has made versions in a network."""
    cursor = await conn.execute(
        "SELECT DISTINCT author FROM module_versions WHERE network_id = %s", (network,)
    )
    return {row["author"] for row in await cursor.fetchall()}


async def read_version(
    conn: Connection, network: int, module: Module, version: int
) -> Version | None:
    """Return one version of a module, or None where there is none of that number."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM module_versions "  # noqa: S608
        "WHERE network_id = %s AND module = %s AND owner = %s AND version = %s",
        (network, module.kind, module.owner, version),
    )
    row = await cursor.fetchone()
    return None if row is None else Version.model_validate(row)
