"""The pending set `S_update`, and the windows that claim it for a router update."""

from collections.abc import Iterable

from state.db.pool import Connection
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
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO pending_clients (network_id, client_id) VALUES (%s, %s) "
            "ON CONFLICT DO NOTHING",
            [(network, client) for client in sorted(set(clients))],
        )


async def read_pending(conn: Connection, network: int) -> list[int]:
    """Return the clients of the pending set in order."""
    cursor = await conn.execute(
        "SELECT client_id FROM pending_clients WHERE network_id = %s ORDER BY client_id", (network,)
    )
    return [row["client_id"] for row in await cursor.fetchall()]


async def claim_window(
    conn: Connection, network: int, update_size: int, claimed_by: str = ""
) -> int | None:
    """Claim the pending set where it reaches `update_size` and no router update is open.

    The caller holds the network's lock, so of two commits that fill the set one claims it.

    Returns:
        The new window's id, or None.
    """
    members = await read_pending(conn, network)
    if len(members) < update_size or await open_window(conn, network) is not None:
        return None
    cursor = await conn.execute(
        "INSERT INTO windows (network_id, id, members, claimed_by) "
        "SELECT %s, coalesce(max(id), 0) + 1, %s, %s FROM windows WHERE network_id = %s "
        "RETURNING id",
        (network, members, claimed_by, network),
    )
    row = await cursor.fetchone()
    await conn.execute("DELETE FROM pending_clients WHERE network_id = %s", (network,))
    return None if row is None else int(row["id"])


async def open_window(conn: Connection, network: int) -> Window | None:
    """Return the claimed window whose router update is not committed, if there is one."""
    cursor = await conn.execute(
        "SELECT id, members, claimed_by, thread_id FROM windows WHERE network_id = %s AND NOT done",
        (network,),
    )
    row = await cursor.fetchone()
    return None if row is None else Window.model_validate(row)


async def set_window_thread(conn: Connection, network: int, window: int, thread_id: str) -> None:
    """Note which run works on a window's router update."""
    await conn.execute(
        "UPDATE windows SET thread_id = %s WHERE network_id = %s AND id = %s",
        (thread_id, network, window),
    )


async def claims_of(conn: Connection, network: int, interaction: str) -> list[int]:
    """Return the windows that the commits of an interaction claimed."""
    cursor = await conn.execute(
        "SELECT id FROM windows WHERE network_id = %s AND claimed_by = %s ORDER BY id",
        (network, interaction),
    )
    return [row["id"] for row in await cursor.fetchall()]


async def close_window(conn: Connection, network: int, window: int) -> bool:
    """Mark a window's router update as done; return False where it was done already."""
    cursor = await conn.execute(
        "UPDATE windows SET done = true WHERE network_id = %s AND id = %s AND NOT done",
        (network, window),
    )
    return cursor.rowcount == 1


async def count_recipients(conn: Connection, network: int, window: int, recipients: int) -> None:
    """Note how many clients were sent a message by a window's router update."""
    await conn.execute(
        "UPDATE windows SET recipients = %s WHERE network_id = %s AND id = %s",
        (recipients, network, window),
    )


async def count_windows(conn: Connection, network: int) -> int:
    """Return how many router updates a network has committed."""
    cursor = await conn.execute(
        "SELECT count(*) AS done FROM windows WHERE network_id = %s AND done", (network,)
    )
    row = await cursor.fetchone()
    return int(row["done"]) if row else 0
