"""Clients: users and items with their current profile, filter memory, vector and attributes."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from state.dataset import Dataset, Item
from state.db.pool import Connection
from state.db.query import fetch_all, fetch_models, insert_rows, update_row
from state.domain import (
    KEY_LENGTH,
    Client,
    ClientKind,
    Frozen,
    Message,
    Module,
    clean_line,
)
from state.errors import InputError
from state.store.versions import split_rules
from state.vectors import Vector, as_array

_COMPARED = 300
"""Keys that an unknown one is compared with."""


class ClientName(Frozen):
    """What a client is called, without its texts."""

    id: int
    kind: ClientKind
    key: str
    title: str
    category: str


async def add_clients(conn: Connection, network: int, dataset: Dataset) -> dict[str, int]:
    """Add all users and items of a data set; return the ids by `kind:key`.

    Ids follow the order of the data set: users as they first act, then the catalogue.
    """
    users = dict.fromkeys(event.user for event in dataset.events)
    rows = [(ClientKind.USER, Item(key=key, title=key)) for key in users]
    rows += [(ClientKind.ITEM, item) for item in dataset.items]
    columns = "network_id, id, kind, key, title, category"
    stored = [
        (network, number, kind, item.key, item.title, item.category)
        for number, (kind, item) in enumerate(rows, start=1)
    ]
    await insert_rows(conn, "clients", columns, stored)
    buffers = [(network, number, "{}") for number in range(1, len(rows) + 1)]
    await insert_rows(conn, "buffers", "network_id, client_id, messages", buffers)
    return {f"{kind}:{item.key}": number for number, (kind, item) in enumerate(rows, start=1)}


async def list_clients(
    conn: Connection,
    network: int,
    kind: ClientKind | None = None,
    ids: Collection[int] | None = None,
) -> list[ClientName]:
    """Return the clients of a network by id: all, those of one kind, or those with these ids."""
    wanted = None if ids is None else list(ids)
    query = (
        "SELECT id, kind, key, title, category FROM clients "
        "WHERE network_id = %s AND (%s::text IS NULL OR kind = %s) "
        "AND (%s::integer[] IS NULL OR id = ANY(%s)) ORDER BY id"
    )
    return await fetch_models(conn, ClientName, query, (network, kind, kind, wanted, wanted))


async def find_clients(
    conn: Connection, network: int, kind: ClientKind, keys: Sequence[str]
) -> dict[str, int]:
    """Return the ids of the clients with these keys; an InputError names one that is unknown."""
    cleaned = {key: clean_line(key, KEY_LENGTH) for key in keys}
    query = "SELECT key, id FROM clients WHERE network_id = %s AND kind = %s AND key = ANY(%s)"
    rows = await fetch_all(conn, query, (network, kind, list(cleaned.values())))
    found = {row["key"]: row["id"] for row in rows}
    for key in cleaned.values():
        if key not in found:
            raise await _unknown_client(conn, network, kind, key)
    return {key: found[stored] for key, stored in cleaned.items()}


async def _unknown_client(conn: Connection, network: int, kind: ClientKind, key: str) -> InputError:
    """Return the error for an unknown key, with similar keys and the command that lists all."""
    query = """SELECT key, n.name FROM clients JOIN networks n ON n.id = network_id
        WHERE network_id = %s AND kind = %s
        ORDER BY left(lower(key), 2) = left(lower(%s), 2) DESC, abs(length(key) - length(%s)),
                 clients.id LIMIT %s"""
    rows = await fetch_all(conn, query, (network, kind, key, key, _COMPARED))
    near = get_close_matches(key, [row["key"] for row in rows])
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    listed = f"`recnet show {kind}s --network {rows[0]['name']}` lists them" if rows else ""
    return InputError(f"unknown {kind} '{key}'; {hint}{listed}".rstrip("; "))


async def read_clients(conn: Connection, network: int, ids: Sequence[int]) -> list[Client]:
    """Return the clients with their texts and buffered messages, in the order of `ids`."""
    query = """SELECT c.id, c.kind, c.key, c.title, c.profile_version, c.filter_version,
               c.profile_pinned, c.filter_pinned, coalesce(p.content, '') AS profile,
               coalesce(f.content, '') AS rules
        FROM clients c
        LEFT JOIN module_versions p ON p.network_id = c.network_id AND p.owner = c.id
             AND p.module = c.kind || '_profile' AND p.version = c.profile_version
        LEFT JOIN module_versions f ON f.network_id = c.network_id AND f.owner = c.id
             AND f.module = 'filter_memory' AND f.version = c.filter_version
        WHERE c.network_id = %s AND c.id = ANY(%s)"""
    rows = {row["id"]: row for row in await fetch_all(conn, query, (network, list(ids)))}
    sent = await _read_messages(conn, network, ids)
    for row in rows.values():
        row.update(sent.get(row["id"], {}), rules=split_rules(row["rules"]))
    return [Client.model_validate(rows[client]) for client in ids]


async def _read_messages(
    conn: Connection, network: int, ids: Sequence[int]
) -> dict[int, dict[str, list[object]]]:
    """Return the three fields of `Client` that hold messages, by client that has any."""
    query = """SELECT sent.client_id, m.id, m.module, m.owner, m.version,
               coalesce(m.body, v.content) AS body, sent.accepted, sent.rule, sent.reason
        FROM (
            SELECT b.client_id, held.id, held.place, NULL::boolean AS accepted, '' AS rule,
                   '' AS reason
            FROM buffers b CROSS JOIN unnest(b.messages) WITH ORDINALITY AS held(id, place)
            WHERE b.network_id = %(network)s AND b.client_id = ANY(%(ids)s)
            UNION ALL
            SELECT client_id, message_id, 0, accepted, rule, reason FROM filter_decisions
            WHERE network_id = %(network)s AND client_id = ANY(%(ids)s) AND interaction_id IS NULL
        ) sent
        JOIN messages m ON m.network_id = %(network)s AND m.id = sent.id
        JOIN module_versions v ON v.network_id = m.network_id AND v.module = m.module
             AND v.owner = m.owner AND v.version = m.version
        ORDER BY sent.client_id, sent.place, m.id"""
    found: dict[int, dict[str, list[object]]] = {}
    for row in await fetch_all(conn, query, {"network": network, "ids": list(ids)}):
        fields = found.setdefault(
            row["client_id"], {"messages": [], "merged_on_delivery": [], "filter_decisions": []}
        )
        sender = Module(kind=row["module"], owner=row["owner"])
        message = Message(id=row["id"], sender=sender, version=row["version"], body=row["body"])
        if row["accepted"] is None:
            fields["messages"].append(message)
            continue
        fields["merged_on_delivery"].append(message)
        decision = {name: row[name] for name in ("version", "accepted", "rule", "reason")}
        fields["filter_decisions"].append({"message": row["id"], "sender": sender, **decision})
    return found


async def read_client_versions(
    conn: Connection, network: int, ids: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Return (profile version, filter version) by client."""
    query = (
        "SELECT id, profile_version, filter_version FROM clients "
        "WHERE network_id = %s AND id = ANY(%s)"
    )
    rows = await fetch_all(conn, query, (network, list(ids)))
    return {row["id"]: (row["profile_version"], row["filter_version"]) for row in rows}


async def point_profile(
    conn: Connection, network: int, client: int, version: int, embedding: Vector | None
) -> None:
    """Point a client at a version of its profile, and its vector at that text's embedding.

    None leaves the vector: the version has the text of the one before.
    """
    await update_row(conn, "clients", network, client, profile_version=version)
    if embedding is None:
        return
    await conn.execute(
        "INSERT INTO client_vectors (network_id, client_id, kind, embedding) "
        "SELECT network_id, id, kind, %s FROM clients WHERE network_id = %s AND id = %s "
        "ON CONFLICT (network_id, client_id) DO UPDATE SET embedding = excluded.embedding",
        (embedding, network, client),
    )


async def point_filter(conn: Connection, network: int, client: int, version: int) -> None:
    """Point a client at a version of its filter memory."""
    await update_row(conn, "clients", network, client, filter_version=version)


async def read_attributes(
    conn: Connection, network: int, ids: Sequence[int] | None = None
) -> dict[int, list[int]]:
    """Return `A_c` by client, as ids of the vocabulary; of all clients where `ids` is None."""
    query = (
        "SELECT client_id, attributes FROM client_vectors WHERE network_id = %s "
        "AND (%s::integer[] IS NULL OR client_id = ANY(%s)) ORDER BY client_id"
    )
    rows = await fetch_all(conn, query, (network, ids, ids))
    return {row["client_id"]: row["attributes"] for row in rows}


async def write_attributes(
    conn: Connection, network: int, attributes: Mapping[int, Sequence[int]]
) -> None:
    """Replace `A_c` of the given clients."""
    await conn.cursor().executemany(
        "UPDATE client_vectors SET attributes = %s WHERE network_id = %s AND client_id = %s",
        [(list(held), network, client) for client, held in sorted(attributes.items())],
    )


async def count_clients(conn: Connection, network: int) -> dict[ClientKind, int]:
    """Return how many clients of each kind a network holds."""
    query = "SELECT kind, count(*) AS clients FROM clients WHERE network_id = %s GROUP BY kind"
    found = {row["kind"]: row["clients"] for row in await fetch_all(conn, query, (network,))}
    return {kind: found.get(kind, 0) for kind in ClientKind}


async def read_vectors(
    conn: Connection, network: int, kind: ClientKind
) -> list[tuple[list[int], Vector]]:
    """Return (attributes, unit vector) of all clients of a kind, by id."""
    query = (
        "SELECT attributes, embedding FROM client_vectors "
        "WHERE network_id = %s AND kind = %s ORDER BY client_id"
    )
    rows = await fetch_all(conn, query, (network, kind), binary=True)
    return [(row["attributes"], as_array(row["embedding"])) for row in rows]


async def nearest_items(conn: Connection, network: int, user: int, count: int) -> list[str]:
    """Return the keys of the items nearest to a user's profile that the user has not met.

    Exact, by pgvector's inner product of unit vectors; ties by id.
    """
    query = """SELECT c.key
        FROM client_vectors u
        JOIN client_vectors v ON v.network_id = u.network_id AND v.kind = 'item'
        JOIN clients c ON c.network_id = v.network_id AND c.id = v.client_id
        WHERE u.network_id = %(network)s AND u.client_id = %(user)s
          AND NOT EXISTS (SELECT 1 FROM events e WHERE e.network_id = u.network_id
              AND e.user_id = u.client_id AND e.item_id = v.client_id AND e.split <> 'test')
          AND NOT EXISTS (SELECT 1 FROM interactions i WHERE i.network_id = u.network_id
              AND i.user_id = u.client_id AND i.positive_id = v.client_id)
        ORDER BY v.embedding <#> u.embedding, v.client_id
        LIMIT %(count)s"""
    rows = await fetch_all(conn, query, {"network": network, "user": user, "count": count})
    return [row["key"] for row in rows]


class Signals(Frozen):
    """What the store shows of a client apart from its texts: what no prompt may contain."""

    profile_length: int
    """Characters of its profile."""
    versions: int
    """Of its profile and its filter memory."""
    messages: int
    """Received: those in its buffer, and those that a reception made something of."""


async def read_signals(conn: Connection, network: int, ids: Sequence[int]) -> dict[int, Signals]:
    """Return the signals of clients by id."""
    query = """SELECT c.id, length(coalesce(p.content, '')) AS profile_length,
               c.profile_version + c.filter_version AS versions,
               cardinality(b.messages) + (
                   SELECT count(*) FROM filter_decisions v
                   WHERE v.network_id = c.network_id AND v.client_id = c.id
               ) AS messages
        FROM clients c
        JOIN buffers b ON b.network_id = c.network_id AND b.client_id = c.id
        LEFT JOIN module_versions p ON p.network_id = c.network_id AND p.owner = c.id
             AND p.module = c.kind || '_profile' AND p.version = c.profile_version
        WHERE c.network_id = %s AND c.id = ANY(%s)"""
    rows = await fetch_all(conn, query, (network, list(ids)))
    return {row.pop("id"): Signals.model_validate(row) for row in rows}
