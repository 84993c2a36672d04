"""Textual gradients: stored with each interaction, settled by an optimizer."""

from collections.abc import Sequence
from typing import LiteralString

from state.db.pool import Connection
from state.db.query import fetch_all, insert_rows
from state.domain import Gradient, Module

_COLUMNS = (
    "interaction_id, module, owner, version, reward, suggestion, status, rejected_because, "
    "applied_to, applied_version"
)


async def add_gradients(conn: Connection, network: int, gradients: Sequence[Gradient]) -> None:
    """Store the gradients of an interaction."""
    rows = [
        (network, g.interaction, g.module.kind, g.module.owner, g.version, g.reward,
         g.suggestion, g.status, g.rejected_because, g.applied_to, g.applied_version)
        for g in gradients
    ]  # fmt: skip
    await insert_rows(conn, "gradients", f"network_id, {_COLUMNS}", rows)


async def read_gradients(conn: Connection, network: int, interaction: str) -> list[Gradient]:
    """Return the gradients of one interaction."""
    return await _read(conn, "interaction_id = %s ORDER BY module, owner", network, interaction)


async def read_pending_gradients(conn: Connection, network: int) -> list[Gradient]:
    """Return the router gradients that wait for an update, in a fixed order."""
    return await _read(conn, "status = 'pending' ORDER BY owner, interaction_id", network)


async def settle_gradients(conn: Connection, network: int, settled: Sequence[Gradient]) -> None:
    """Store what a router update made of pending gradients; one settled before stays as it is."""
    await conn.cursor().executemany(
        "UPDATE gradients SET status = %s, rejected_because = %s, applied_to = %s, "
        "applied_version = %s WHERE network_id = %s AND interaction_id = %s "
        "AND module = 'router' AND owner = %s AND status = 'pending'",
        [
            (g.status, g.rejected_because, g.applied_to, g.applied_version,
             network, g.interaction, g.module.owner)
            for g in settled
        ],
    )  # fmt: skip


async def _read(conn: Connection, where: LiteralString, *params: object) -> list[Gradient]:
    query = f"SELECT {_COLUMNS} FROM gradients WHERE network_id = %s AND {where}"  # noqa: S608 - our own conditions
    return [
        Gradient(
            interaction=row.pop("interaction_id"),
            module=Module(kind=row.pop("module"), owner=row.pop("owner")),
            **row,
        )
        for row in await fetch_all(conn, query, params)
    ]
