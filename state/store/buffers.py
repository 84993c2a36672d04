"""Buffers `B_c`: message ids in one array a client, newest first, bounded."""

from collections.abc import Sequence

from state.db.pool import Connection
from state.db.query import fetch_number, insert_rows
from state.domain import Frozen, Module
from state.store.routing import Delivery


class NewMessage(Frozen):
    """A message about to be sent."""

    id: int
    sender: Module
    version: int
    attributes: tuple[int, ...] = ()
    """Those assigned to the router at this update: the `A_R` of Eq. 4."""
    body: str | None = None
    """What a model wrote for it; None where it is the text of the sender's version."""


async def add_messages(
    conn: Connection, network: int, window: int, messages: Sequence[NewMessage]
) -> None:
    """Store the messages of a router update."""
    columns = "network_id, window_id, id, module, owner, version, body, attributes"
    rows = [
        (network, window, m.id, *m.sender.model_dump().values(), m.version, m.body, [*m.attributes])
        for m in messages
    ]
    await insert_rows(conn, "messages", columns, rows)


async def next_message(conn: Connection, network: int) -> int:
    """Return the next free message id of a network; only its one open router update asks."""
    return await fetch_number(
        conn, "SELECT coalesce(max(id), 0) + 1 FROM messages WHERE network_id = %s", (network,)
    )


async def push_messages(
    conn: Connection, network: int, deliveries: Sequence[Delivery], capacity: int
) -> None:
    """Put messages on top of their clients' buffers; the caller holds the network's lock.

    Of one update the nearest sender's message comes first. A sender's newer message replaces its
    older one; what exceeds `capacity` falls out at the old end.
    """
    query = """WITH newest AS (
            SELECT DISTINCT ON (d.client_id, m.module, m.owner)
                   d.client_id, d.cosine, m.id, m.module || m.owner AS sender
            FROM unnest(%(clients)s::integer[], %(messages)s::integer[], %(cosines)s::float8[])
                 AS d(client_id, message_id, cosine)
            JOIN messages m ON m.network_id = %(network)s AND m.id = d.message_id
            ORDER BY d.client_id, m.module, m.owner, m.id DESC
        ), delivered AS (
            SELECT client_id, array_agg(sender) AS senders,
                   array_agg(id ORDER BY cosine DESC, id DESC) AS messages
            FROM newest GROUP BY client_id
        )
        UPDATE buffers b SET messages = (d.messages || ARRAY(
            SELECT held.id
            FROM unnest(b.messages) WITH ORDINALITY AS held(id, place)
            JOIN messages m ON m.network_id = b.network_id AND m.id = held.id
            WHERE m.module || m.owner <> ALL (d.senders)
            ORDER BY held.place
        ))[1:%(capacity)s]
        FROM delivered d
        WHERE b.network_id = %(network)s AND b.client_id = d.client_id"""
    values = {
        "network": network,
        "capacity": capacity,
        "clients": [d.client for d in deliveries],
        "messages": [d.message for d in deliveries],
        "cosines": [d.cosine for d in deliveries],
    }
    await conn.execute(query, values)


async def consume_messages(
    conn: Connection, network: int, client: int, messages: Sequence[int]
) -> None:
    """Take messages out of a buffer by id; those that are gone already do not matter."""
    query = """UPDATE buffers SET messages = ARRAY(
            SELECT held.id FROM unnest(messages) WITH ORDINALITY AS held(id, place)
            WHERE held.id <> ALL (%s) ORDER BY held.place
        ) WHERE network_id = %s AND client_id = %s"""
    await conn.execute(query, (list(messages), network, client))
