"""Textual gradients: pending, applied, rejected and why."""

from collections.abc import Sequence
from typing import Literal

from state.db.pool import Connection
from state.domain import Frozen, Gradient, ModuleKind

Status = Literal["not involved", "pending", "applied", "rejected"]


class StoredGradient(Frozen):
    """A gradient as it is kept, with what became of it."""

    interaction_id: str
    module: ModuleKind
    owner: int
    version: int
    reward: int
    suggestion: str
    status: Status
    rejected_because: str
    applied_to: int | None
    applied_version: int | None


class Settled(Frozen):
    """What a router update made of one pending gradient."""

    interaction: str
    named: int
    """The router the gradient names."""
    applied_to: int | None
    """The router that answered for it: itself, or an heir."""
    applied_version: int | None
    """The version it helped to make; None where the router was kept as it was."""
    rejected_because: str = ""
    """Why it was rejected; empty where it was used."""


_COLUMNS = (
    "interaction_id, module, owner, version, reward, suggestion, status, rejected_because, "
    "applied_to, applied_version"
)


async def add_gradient(
    conn: Connection,
    network: int,
    interaction: str,
    gradient: Gradient,
    applied_version: int | None = None,
) -> None:
    """Store one gradient; `applied_version` is the version it made, None for one that waits."""
    if gradient.refused:
        status: Status = "rejected"
    elif not gradient.involved:
        status = "not involved"
    else:
        status = "pending" if applied_version is None else "applied"
    await conn.execute(
        "INSERT INTO gradients (network_id, interaction_id, module, owner, version, reward, "
        "suggestion, status, rejected_because, applied_to, applied_version) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            network,
            interaction,
            gradient.module.kind,
            gradient.module.owner,
            gradient.version,
            gradient.reward,
            gradient.suggestion,
            status,
            gradient.refused,
            gradient.module.owner if status == "applied" else None,
            applied_version,
        ),
    )


async def read_gradients(conn: Connection, network: int, interaction: str) -> list[StoredGradient]:
    """Return the gradients of one interaction."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM gradients WHERE network_id = %s AND interaction_id = %s "  # noqa: S608
        "ORDER BY module, owner",
        (network, interaction),
    )
    return [StoredGradient.model_validate(row) for row in await cursor.fetchall()]


async def pending_gradients(conn: Connection, network: int) -> list[StoredGradient]:
    """Return the router gradients that wait for an update, in a fixed order."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM gradients WHERE network_id = %s AND status = 'pending' "  # noqa: S608
        "ORDER BY owner, interaction_id",
        (network,),
    )
    return [StoredGradient.model_validate(row) for row in await cursor.fetchall()]


async def settle_gradients(conn: Connection, network: int, settled: Sequence[Settled]) -> None:
    """Note what became of router gradients that waited."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "UPDATE gradients SET status = %s, rejected_because = %s, applied_to = %s, "
            "applied_version = %s WHERE network_id = %s AND interaction_id = %s "
            "AND module = 'router' AND owner = %s AND status = 'pending'",
            [
                ("rejected" if s.rejected_because else "applied", s.rejected_because,
                 s.applied_to, s.applied_version, network, s.interaction, s.named)
                for s in settled
            ],
        )  # fmt: skip
