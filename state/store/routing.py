"""Routing: which clients hear a router's message (Eq. 4), and which are nearest to a client.

The router update itself computes Eq. 2, the nearest router of an attribute.
"""

from collections.abc import Sequence

from state.db.pool import Connection
from state.db.query import fetch_all, fetch_models
from state.domain import ClientKind, Frozen
from state.graphs.router_update import Neighbour
from state.store.networks import NetworkRecord


class Delivery(Frozen):
    """One message for one client, with the cosine that let it pass."""

    client: int
    kind: ClientKind
    message: int
    cosine: float


async def nearest_clients(
    conn: Connection, network: int, clients: Sequence[int], count: int
) -> dict[int, tuple[Neighbour, ...]]:
    """Return the clients nearest to each of some clients, nearest first; a client is not its own.

    Exact, by pgvector's inner product of unit vectors; ties by id. A client without an embedding
    has no neighbours.
    """
    query = """SELECT s.client_id AS sender, n.client_id AS client, n.kind, -n.distance AS cosine
        FROM client_vectors s
        CROSS JOIN LATERAL (
            SELECT c.client_id, c.kind, c.embedding <#> s.embedding AS distance
            FROM client_vectors c
            WHERE c.network_id = s.network_id AND c.client_id <> s.client_id
            ORDER BY distance, c.client_id
            LIMIT %(count)s
        ) n
        WHERE s.network_id = %(network)s AND s.client_id = ANY(%(clients)s)
        ORDER BY s.client_id, n.distance, n.client_id"""
    values = {"network": network, "clients": list(clients), "count": count}
    found: dict[int, list[Neighbour]] = {}
    for row in await fetch_all(conn, query, values):
        found.setdefault(row.pop("sender"), []).append(Neighbour.model_validate(row))
    return {client: tuple(near) for client, near in found.items()}


async def score_clients(conn: Connection, network: NetworkRecord, window: int) -> list[Delivery]:
    """Return who hears which message of a window: `I(A_R ∩ A_c ≠ ∅) · cos(e_R, e_c) > τ`.

    `A_R` holds the attributes assigned to the router at this update. Cosine first: the planner
    misjudges the overlap of arrays, and the naive order costs three times as much.
    """
    query = """SELECT m.id AS message, c.client_id AS client, c.kind,
               -(c.embedding <#> r.embedding) AS cosine
        FROM messages m
        JOIN router_vectors r ON r.network_id = m.network_id AND r.router_id = m.owner
        JOIN client_vectors c ON c.network_id = m.network_id
        WHERE m.network_id = %(network)s AND m.window_id = %(window)s AND m.module = 'router'
          AND CASE
              WHEN c.embedding <#> r.embedding
                   < -(CASE c.kind WHEN 'user' THEN %(user)s ELSE %(item)s END)::real
              THEN c.attributes && m.attributes
              ELSE false
          END
        ORDER BY m.id, c.client_id"""
    values = {
        "network": network.id,
        "window": window,
        "user": network.tau(ClientKind.USER),
        "item": network.tau(ClientKind.ITEM),
    }
    return await fetch_models(conn, Delivery, query, values)
