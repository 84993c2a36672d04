"""Textual gradients: stored with each interaction, settled by an optimizer."""

from collections.abc import Sequence
from typing import Any

from state.db.pool import Connection
from state.domain import Gradient, Module

_COLUMNS = (
    "interaction_id AS interaction, module, owner, version, reward, suggestion, status, "
    "rejected_because, applied_to, applied_version"
)


async def add_gradients(conn: Connection, network: int, gradients: Sequence[Gradient]) -> None:
    """Store the gradients of an interaction."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO gradients (network_id, interaction_id, module, owner, version, reward, "
            "suggestion, status, rejected_because, applied_to, applied_version) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (network, g.interaction, g.module.kind, g.module.owner, g.version, g.reward,
                 g.suggestion, g.status, g.rejected_because, g.applied_to, g.applied_version)
                for g in gradients
            ],
        )  # fmt: skip


async def read_gradients(conn: Connection, network: int, interaction: str) -> list[Gradient]:
    """Return the gradients of one interaction."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM gradients WHERE network_id = %s AND interaction_id = %s "  # noqa: S608 - constant columns
        "ORDER BY module, owner",
        (network, interaction),
    )
    return [_gradient(row) for row in await cursor.fetchall()]


async def read_pending_gradients(conn: Connection, network: int) -> list[Gradient]:
    """Return the router gradients that wait for an update, in a fixed order."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM gradients WHERE network_id = %s AND status = 'pending' "  # noqa: S608 - constant columns
        "ORDER BY owner, interaction_id",
        (network,),
    )
    return [_gradient(row) for row in await cursor.fetchall()]


async def settle_gradients(conn: Connection, network: int, settled: Sequence[Gradient]) -> None:
    """Store what a router update made of pending gradients; one settled before stays as it is."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "UPDATE gradients SET status = %s, rejected_because = %s, applied_to = %s, "
            "applied_version = %s WHERE network_id = %s AND interaction_id = %s "
            "AND module = 'router' AND owner = %s AND status = 'pending'",
            [
                (g.status, g.rejected_because, g.applied_to, g.applied_version,
                 network, g.interaction, g.module.owner)
                for g in settled
            ],
        )  # fmt: skip


def _gradient(row: dict[str, Any]) -> Gradient:
    return Gradient(module=Module(kind=row.pop("module"), owner=row.pop("owner")), **row)
