"""Interactions: what was predicted, what happened, and what reception did before."""

from collections.abc import Collection, Sequence

from state.db.pool import Connection
from state.db.query import fetch_all, fetch_models, insert_rows
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


_COLUMNS = ", ".join(Interaction.model_fields)


async def find_interaction(conn: Connection, network: int, id: str) -> Interaction | None:  # noqa: A002
    """Return a settled interaction, or None where it has not been settled."""
    query = f"SELECT {_COLUMNS} FROM interactions WHERE network_id = %s AND id = %s"  # noqa: S608
    return next(iter(await fetch_models(conn, Interaction, query, (network, id))), None)


async def list_interactions(conn: Connection, network: int) -> list[Interaction]:
    """Return all settled interactions in the order in which they were settled last."""
    query = (
        f"SELECT {_COLUMNS} FROM interactions WHERE network_id = %s "  # noqa: S608
        'ORDER BY created_at, id COLLATE "C"'
    )
    return await fetch_models(conn, Interaction, query, (network,))


async def write_interaction(conn: Connection, network: int, interaction: Interaction) -> None:
    """Store a settled interaction: one that failed before gives way, one learned from stays."""
    await conn.execute(
        f"INSERT INTO interactions (network_id, {_COLUMNS}) "  # noqa: S608
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (network_id, id) DO UPDATE "
        "SET predicted_id = excluded.predicted_id, reward = excluded.reward, "
        "reason = excluded.reason, failure = excluded.failure, created_at = excluded.created_at "
        "WHERE interactions.failure <> ''",
        (network, *interaction.model_dump().values()),
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
    columns = "network_id, interaction_id, window_id, client_id, message_id, accepted, rule, reason"
    rows = [
        (network, interaction, window, r.client, d.message, d.accepted, d.rule, d.reason)
        for r in receptions
        for d in r.filter_decisions
    ]
    await insert_rows(conn, "filter_decisions", columns, rows)


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
    if not (pairs := [(r.client, d.message) for r in receptions for d in r.filter_decisions]):
        return set()
    clients, messages = zip(*pairs, strict=True)
    rows = await fetch_all(
        conn,
        "SELECT DISTINCT v.client_id FROM filter_decisions v "
        "JOIN unnest(%s::integer[], %s::integer[], %s::boolean[]) "
        "AS held(client_id, message_id, merged) USING (client_id, message_id) "
        "WHERE v.network_id = %s AND (v.interaction_id IS NOT NULL OR NOT held.merged)",
        (list(clients), list(messages), [pair in merged for pair in pairs], network),
    )
    return {row["client_id"] for row in rows}


async def read_filter_decisions(
    conn: Connection, network: int, interaction: str
) -> list[StoredFilterDecision]:
    """Return what the receptions of one interaction made of their messages."""
    query = """SELECT r.client_id, r.message_id, m.module, m.owner, m.version,
               coalesce(m.body, v.content) AS body, r.window_id, r.accepted, r.rule, r.reason
        FROM filter_decisions r
        JOIN messages m ON m.network_id = r.network_id AND m.id = r.message_id
        JOIN module_versions v ON v.network_id = m.network_id AND v.module = m.module
             AND v.owner = m.owner AND v.version = m.version
        WHERE r.network_id = %s AND r.interaction_id = %s ORDER BY r.client_id, r.message_id"""
    return [
        StoredFilterDecision(sender=Module(kind=row.pop("module"), owner=row.pop("owner")), **row)
        for row in await fetch_all(conn, query, (network, interaction))
    ]
