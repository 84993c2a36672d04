"""The pending set `S_update`, the windows that claim it, and the records planned for a window."""

from collections.abc import Iterable, Sequence

from state.db.pool import Connection
from state.db.query import fetch_all, fetch_models, fetch_number, fetch_one, update_row
from state.domain import Frozen


class Window(Frozen):
    """A claimed pending set whose router update is not committed."""

    id: int
    members: tuple[int, ...]
    claimed_by: str = ""
    """The interaction whose commit filled the set."""
    thread_id: str = ""
    """The run that works, or worked, on its router update."""


async def add_pending(conn: Connection, network: int, clients: Iterable[int]) -> None:
    """Put clients into the pending set; one that is in it stays once."""
    await conn.cursor().executemany(
        "INSERT INTO pending_clients (network_id, client_id) VALUES (%s, %s) "
        "ON CONFLICT DO NOTHING",
        [(network, client) for client in sorted(set(clients))],
    )


async def read_pending(conn: Connection, network: int) -> list[int]:
    """Return the clients of the pending set in order."""
    query = "SELECT client_id FROM pending_clients WHERE network_id = %s ORDER BY client_id"
    return [row["client_id"] for row in await fetch_all(conn, query, (network,))]


async def claim_window(
    conn: Connection, network: int, update_size: int, claimed_by: str = ""
) -> int | None:
    """Claim the pending set where it reaches `update_size` and no router update is open.

    The caller holds the network's lock, so of two commits that fill the set one claims it. Returns
    the new window's id, or None.
    """
    members = await read_pending(conn, network)
    if len(members) < update_size or await open_window(conn, network) is not None:
        return None
    window = await fetch_number(
        conn,
        "INSERT INTO windows (network_id, id, members, claimed_by) "
        "SELECT %s, coalesce(max(id), 0) + 1, %s, %s FROM windows WHERE network_id = %s "
        "RETURNING id",
        (network, members, claimed_by, network),
    )
    await conn.execute("DELETE FROM pending_clients WHERE network_id = %s", (network,))
    return window


async def open_window(conn: Connection, network: int) -> Window | None:
    """Return the claimed window whose router update is not committed, if there is one."""
    query = (
        "SELECT id, members, claimed_by, thread_id FROM windows WHERE network_id = %s AND NOT done"
    )
    return next(iter(await fetch_models(conn, Window, query, (network,))), None)


async def set_window_thread(conn: Connection, network: int, window: int, thread_id: str) -> None:
    """Note which run works on a window's router update."""
    await update_row(conn, "windows", network, window, thread_id=thread_id)


async def read_claimed_windows(conn: Connection, network: int, interaction: str) -> list[int]:
    """Return the windows that the commits of an interaction claimed."""
    query = "SELECT id FROM windows WHERE network_id = %s AND claimed_by = %s ORDER BY id"
    return [row["id"] for row in await fetch_all(conn, query, (network, interaction))]


async def close_window(conn: Connection, network: int, window: int) -> bool:
    """Mark a window's router update as done; return False where it was done already."""
    cursor = await conn.execute(
        "UPDATE windows SET done = true WHERE network_id = %s AND id = %s AND NOT done",
        (network, window),
    )
    return cursor.rowcount == 1


async def set_recipients(conn: Connection, network: int, window: int, recipients: int) -> None:
    """Note how many clients were sent a message by a window's router update."""
    await update_row(conn, "windows", network, window, recipients=recipients)


async def count_windows(conn: Connection, network: int) -> int:
    """Return how many router updates a network has committed."""
    query = "SELECT count(*) FROM windows WHERE network_id = %s AND done"
    return await fetch_number(conn, query, (network,))


async def write_plan(conn: Connection, network: int, interactions: Sequence[str]) -> None:
    """Replace the plan by the records of a window in order; those learned from are settled."""
    await conn.execute("DELETE FROM planned_records WHERE network_id = %s", (network,))
    await conn.cursor().executemany(
        "INSERT INTO planned_records (network_id, position, interaction_id, settled) "
        "VALUES (%s, %s, %s, EXISTS (SELECT 1 FROM interactions "
        "WHERE network_id = %s AND id = %s AND failure = ''))",
        [(network, position, one, network, one) for position, one in enumerate(interactions)],
    )


async def read_plan(conn: Connection, network: int) -> list[str]:
    """Return the planned records that are not settled, in the order of the stream."""
    query = (
        "SELECT interaction_id FROM planned_records WHERE network_id = %s AND NOT settled "
        "ORDER BY position"
    )
    return [row["interaction_id"] for row in await fetch_all(conn, query, (network,))]


async def settle_planned(conn: Connection, network: int, interaction: str) -> str | None:
    """Note that a record is settled; return in whose name it may claim the pending set.

    That is its own where no plan holds it, and that of the plan's last record where it settles the
    plan; None while others of the plan are not settled. The caller holds the network's lock, so of
    two records that end a plan one sees it complete.
    """
    cursor = await conn.execute(
        "UPDATE planned_records SET settled = true WHERE network_id = %s AND interaction_id = %s",
        (network, interaction),
    )
    if cursor.rowcount == 0:
        return interaction
    row = await fetch_one(
        conn,
        "SELECT (array_agg(interaction_id ORDER BY position DESC))[1] AS last FROM planned_records "
        "WHERE network_id = %s HAVING bool_and(settled)",
        (network,),
    )
    return None if row is None else str(row["last"])
