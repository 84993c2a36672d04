"""Interactions: what was predicted, what happened, and what reception did before."""

from collections.abc import Sequence

from state.domain import Frozen, Reception
from state.pool import Connection


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


class StoredVerdict(Frozen):
    """What one reception made of one message."""

    client_id: int
    message_id: int
    router_id: int
    router_version: int
    taken: bool
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


async def add_verdicts(
    conn: Connection, network: int, interaction: str, receptions: Sequence[Reception]
) -> None:
    """Store what the receptions of one interaction made of their messages."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO verdicts (network_id, interaction_id, client_id, message_id, taken, "
            "rule, reason) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (network, interaction, r.client, v.message, v.taken, v.rule, v.reason)
                for r in receptions
                for v in r.verdicts
            ],
        )


async def find_consumed(
    conn: Connection, network: int, receptions: Sequence[Reception]
) -> set[int]:
    """Return the clients of receptions that hold a message which was consumed before."""
    if not (pairs := [(r.client, v.message) for r in receptions for v in r.verdicts]):
        return set()
    cursor = await conn.execute(
        "SELECT DISTINCT v.client_id FROM verdicts v "
        "JOIN unnest(%s::integer[], %s::integer[]) AS held(client_id, message_id) "
        "USING (client_id, message_id) WHERE v.network_id = %s",
        ([client for client, _ in pairs], [message for _, message in pairs], network),
    )
    return {row["client_id"] for row in await cursor.fetchall()}


async def read_verdicts(conn: Connection, network: int, interaction: str) -> list[StoredVerdict]:
    """Return what the receptions of one interaction made of their messages."""
    cursor = await conn.execute(
        "SELECT v.client_id, v.message_id, m.router_id, m.router_version, v.taken, v.rule, "
        "v.reason FROM verdicts v "
        "JOIN messages m ON m.network_id = v.network_id AND m.id = v.message_id "
        "WHERE v.network_id = %s AND v.interaction_id = %s ORDER BY v.client_id, v.message_id",
        (network, interaction),
    )
    return [StoredVerdict.model_validate(row) for row in await cursor.fetchall()]
