"""Routers: text, vector, attributes, heirs of those that retired, outcomes of their messages."""

from collections.abc import Sequence

from pydantic import ConfigDict

from state.db.pool import Connection
from state.db.query import fetch_all, fetch_one, update_row
from state.domain import Frozen
from state.vectors import Vector, as_array


class Router(Frozen):
    """A router as an update reads it."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    id: int
    version: int
    profile: str
    pinned: bool = False
    """A pinned router keeps its text and its place until a person unpins it."""
    attributes: tuple[int, ...]
    """`A_R`, newest first."""
    heirs: tuple[int, ...] = ()
    """The routers that took its place; empty while it is active."""
    embedding: Vector


class MessageOutcome(Frozen):
    """What became of a router's messages so far."""

    accepted: int
    kept_out: int
    reward: float | None
    """Mean reward of the interactions in which a client had accepted one; None without any."""


async def read_routers(conn: Connection, network: int, *, retired: bool = False) -> list[Router]:
    """Return the active routers by id; the retired ones too where asked."""
    query = """SELECT r.id, r.version, r.pinned, r.attributes, r.heirs, v.content AS profile,
               e.embedding
        FROM routers r
        JOIN module_versions v ON v.network_id = r.network_id AND v.module = 'router'
             AND v.owner = r.id AND v.version = r.version
        JOIN router_vectors e ON e.network_id = r.network_id AND e.router_id = r.id
        WHERE r.network_id = %s AND (%s OR r.heirs = '{}')
        ORDER BY r.id"""
    rows = await fetch_all(conn, query, (network, retired), binary=True)
    return [Router.model_validate({**r, "embedding": as_array(r["embedding"])}) for r in rows]


async def read_heirs(conn: Connection, network: int) -> dict[int, tuple[int, ...]]:
    """Return the heirs of every router, retired or active, by id."""
    query = "SELECT id, heirs FROM routers WHERE network_id = %s ORDER BY id"
    return {row["id"]: tuple(row["heirs"]) for row in await fetch_all(conn, query, (network,))}


async def count_routers(conn: Connection, network: int) -> tuple[int, int]:
    """Return how many routers are active and how many retired."""
    heirs = await read_heirs(conn, network)
    retired = sum(map(bool, heirs.values()))
    return len(heirs) - retired, retired


async def write_router(
    conn: Connection,
    network: int,
    router: int,
    version: int,
    attributes: Sequence[int],
    embedding: Vector,
) -> None:
    """Add a router, or point it at a version of its profile with that text's embedding."""
    await conn.execute(
        "INSERT INTO routers (network_id, id, version, attributes) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (network_id, id) DO UPDATE "
        "SET version = excluded.version, attributes = excluded.attributes",
        (network, router, version, list(attributes)),
    )
    await conn.execute(
        "INSERT INTO router_vectors (network_id, router_id, embedding) VALUES (%s, %s, %s) "
        "ON CONFLICT (network_id, router_id) DO UPDATE SET embedding = excluded.embedding",
        (network, router, embedding),
    )


async def point_router(
    conn: Connection, network: int, router: int, version: int, embedding: Vector | None
) -> None:
    """Point a router at a version of its text; None leaves the vector, as the text is the same."""
    await update_row(conn, "routers", network, router, version=version)
    if embedding is not None:
        await conn.execute(
            "UPDATE router_vectors SET embedding = %s WHERE network_id = %s AND router_id = %s",
            (embedding, network, router),
        )


async def write_router_attributes(
    conn: Connection, network: int, router: int, attributes: Sequence[int]
) -> None:
    """Replace `A_R` of a router whose text stays."""
    await update_row(conn, "routers", network, router, attributes=list(attributes))


async def retire_router(conn: Connection, network: int, router: int, heir: int) -> None:
    """Retire a router in favour of an heir; a split retires it twice, once for each child."""
    await conn.execute(
        "UPDATE routers SET heirs = heirs || %s WHERE network_id = %s AND id = %s",
        (heir, network, router),
    )


async def read_outcome(conn: Connection, network: int, router: int) -> MessageOutcome:
    """Return what became of all messages of a router, whatever its version.

    What was merged on delivery is counted; it has a reward once an interaction has used it.
    """
    query = """SELECT count(*) FILTER (WHERE v.accepted) AS accepted,
               count(*) FILTER (WHERE NOT v.accepted) AS kept_out,
               avg(i.reward) FILTER (WHERE v.accepted)::float8 AS reward
        FROM messages m
        JOIN filter_decisions v ON v.network_id = m.network_id AND v.message_id = m.id
        LEFT JOIN interactions i ON i.network_id = v.network_id AND i.id = v.interaction_id
        WHERE m.network_id = %s AND m.module = 'router' AND m.owner = %s"""
    return MessageOutcome.model_validate(await fetch_one(conn, query, (network, router)))
