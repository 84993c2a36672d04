"""Interactions: what was predicted, what happened, and what reception did before."""

from collections.abc import Collection, Sequence

from state.db.pool import Connection
from state.domain import Frozen, Module, Reception


class Interaction(Frozen):
    """One settled interaction; `failure` says why it could not be learned from."""

    id: str
    user_id: int
    positive_id: int
    negative_id: int
    predicted_id: int | None
    reward: int | None
    reason: str
    failure: str


class StoredFilterDecision(Frozen):
    """What one reception made of one message."""

    client_id: int
    message_id: int
    sender: Module
    version: int
    body: str
    window_id: int | None
    """The router update that delivered and merged it; None where the interaction merged it."""
    accepted: bool
    rule: str
    reason: str


_COLUMNS = "id, user_id, positive_id, negative_id, predicted_id, reward, reason, failure"


async def find_interaction(conn: Connection, network: int, id: str) -> Interaction | None:  # noqa: A002
    """Return a settled interaction, or None where it has not been settled."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM interactions WHERE network_id = %s AND id = %s",  # noqa: S608
        (network, id),
    )
    row = await cursor.fetchone()
    return None if row is None else Interaction.model_validate(row)


async def list_interactions(conn: Connection, network: int) -> list[Interaction]:
    """Return all settled interactions in the order in which they were settled last."""
    cursor = await conn.execute(
        f"SELECT {_COLUMNS} FROM interactions WHERE network_id = %s "  # noqa: S608
        'ORDER BY created_at, id COLLATE "C"',
        (network,),
    )
    return [Interaction.model_validate(row) for row in await cursor.fetchall()]


async def write_interaction(conn: Connection, network: int, interaction: Interaction) -> None:
    """Store a settled interaction: one that failed before gives way, one learned from stays."""
    await conn.execute(
        "INSERT INTO interactions (network_id, id, user_id, positive_id, negative_id, "
        "predicted_id, reward, reason, failure) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (network_id, id) DO UPDATE SET predicted_id = excluded.predicted_id, "
        "reward = excluded.reward, reason = excluded.reason, failure = excluded.failure, "
        "created_at = excluded.created_at "
        "WHERE interactions.failure <> ''",
        (
            network,
            interaction.id,
            interaction.user_id,
            interaction.positive_id,
            interaction.negative_id,
            interaction.predicted_id,
            interaction.reward,
            interaction.reason,
            interaction.failure,
        ),
    )


async def add_filter_decisions(
    conn: Connection,
    network: int,
    receptions: Sequence[Reception],
    *,
    interaction: str | None = None,
    window: int | None = None,
) -> None:
    """Store what receptions made of their messages, those of an interaction or of an update."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO filter_decisions (network_id, interaction_id, client_id, message_id, "
            "accepted, rule, reason, window_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (network, interaction, r.client, v.message, v.accepted, v.rule, v.reason, window)
                for r in receptions
                for v in r.filter_decisions
            ],
        )


async def attach_filter_decisions(
    conn: Connection, network: int, interaction: str, client: int, messages: Sequence[int]
) -> None:
    """Let what an update merged for a client belong to an interaction from now on."""
    await conn.execute(
        "UPDATE filter_decisions SET interaction_id = %s WHERE network_id = %s AND client_id = %s "
        "AND message_id = ANY(%s) AND interaction_id IS NULL",
        (interaction, network, client, list(messages)),
    )


async def find_consumed(
    conn: Connection,
    network: int,
    receptions: Sequence[Reception],
    merged: Collection[tuple[int, int]],
) -> set[int]:
    """Return the clients of receptions that hold a message which was consumed before.

    `merged` are those (client, message) that an update had merged when they were read: they are
    consumed once an interaction has taken them up.
    """
    if not (pairs := [(r.client, v.message) for r in receptions for v in r.filter_decisions]):
        return set()
    cursor = await conn.execute(
        "SELECT DISTINCT v.client_id FROM filter_decisions v "
        "JOIN unnest(%s::integer[], %s::integer[], %s::boolean[]) "
        "AS held(client_id, message_id, merged) USING (client_id, message_id) "
        "WHERE v.network_id = %s AND (v.interaction_id IS NOT NULL OR NOT held.merged)",
        (
            [client for client, _ in pairs],
            [message for _, message in pairs],
            [pair in merged for pair in pairs],
            network,
        ),
    )
    return {row["client_id"] for row in await cursor.fetchall()}


async def read_filter_decisions(
    conn: Connection, network: int, interaction: str
) -> list[StoredFilterDecision]:
    """Return what the receptions of one interaction made of their messages."""
    cursor = await conn.execute(
        "SELECT r.client_id, r.message_id, m.module, m.owner, m.version, "
        "coalesce(m.body, v.content) AS body, r.window_id, r.accepted, r.rule, r.reason "
        "FROM filter_decisions r "
        "JOIN messages m ON m.network_id = r.network_id AND m.id = r.message_id "
        "JOIN module_versions v ON v.network_id = m.network_id AND v.module = m.module "
        "AND v.owner = m.owner AND v.version = m.version "
        "WHERE r.network_id = %s AND r.interaction_id = %s ORDER BY r.client_id, r.message_id",
        (network, interaction),
    )
    return [
        StoredFilterDecision(sender=Module(kind=row.pop("module"), owner=row.pop("owner")), **row)
        for row in await cursor.fetchall()
    ]
