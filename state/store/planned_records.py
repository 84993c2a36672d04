"""The records of the window that a training run is at."""

from collections.abc import Sequence

from state.db.pool import Connection


async def write_plan(conn: Connection, network: int, interactions: Sequence[str]) -> None:
    """Replace the plan by the records of a window, in the order of the stream.

    One that was learned from meanwhile is settled.
    """
    await conn.execute("DELETE FROM planned_records WHERE network_id = %s", (network,))
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO planned_records (network_id, position, interaction_id, settled) "
            "VALUES (%s, %s, %s, EXISTS (SELECT 1 FROM interactions "
            "WHERE network_id = %s AND id = %s AND failure = ''))",
            [(network, position, one, network, one) for position, one in enumerate(interactions)],
        )


async def read_plan(conn: Connection, network: int) -> list[str]:
    """Return the planned records that are not settled, in the order of the stream."""
    cursor = await conn.execute(
        "SELECT interaction_id FROM planned_records WHERE network_id = %s AND NOT settled "
        "ORDER BY position",
        (network,),
    )
    return [row["interaction_id"] for row in await cursor.fetchall()]


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
    cursor = await conn.execute(
        "SELECT (array_agg(interaction_id ORDER BY position DESC))[1] AS last FROM planned_records "
        "WHERE network_id = %s HAVING bool_and(settled)",
        (network,),
    )
    row = await cursor.fetchone()
    return None if row is None else str(row["last"])
