"""Views: clients with their buffers merged for reading, cached by versions, model and template."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from state.db.pool import Connection
from state.db.query import fetch_one
from state.domain import Client, Reception


async def find_view(
    conn: Connection, network: int, client: Client, made_by: str
) -> Reception | None:
    """Return the cached merge of exactly this profile, filter memory and buffer by `made_by`."""
    row = await fetch_one(
        conn,
        "SELECT reception FROM merged_views WHERE network_id = %s AND client_id = %s "
        "AND profile_version = %s AND filter_version = %s AND messages = %s::integer[] "
        "AND made_by = %s",
        (*_key(network, client), made_by),
    )
    return None if row is None else Reception.model_validate(row["reception"])


async def keep_view(
    conn: Connection, network: int, client: Client, made_by: str, reception: Reception
) -> None:
    """Cache the merge of a client's buffer."""
    await conn.execute(
        "INSERT INTO merged_views (network_id, client_id, profile_version, filter_version, "
        "messages, made_by, reception) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (*_key(network, client), made_by, Jsonb(reception.model_dump(mode="json"))),
    )


async def forget_views(conn: Connection, network: int, clients: Sequence[int]) -> None:
    """Drop the cached views of clients that have moved on."""
    await conn.execute(
        "DELETE FROM merged_views WHERE network_id = %s AND client_id = ANY(%s)",
        (network, list(clients)),
    )


def _key(network: int, client: Client) -> tuple[object, ...]:
    messages = [message.id for message in client.messages]
    return network, client.id, client.profile_version, client.filter_version, messages
