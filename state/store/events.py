"""Events: the interactions of the data set a network was loaded from, in feeding order."""

from collections.abc import Mapping

from state.dataset import Dataset, Split
from state.db.pool import Connection
from state.domain import Frozen


class StoredEvent(Frozen):
    """One event with the ids of its clients."""

    position: int
    user_id: int
    item_id: int
    split: Split


async def add_events(
    conn: Connection, network: int, dataset: Dataset, ids: Mapping[str, int]
) -> None:
    """Store the events of a data set; `ids` are those of `add_clients`."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO events (network_id, position, user_id, item_id, split) "
            "VALUES (%s, %s, %s, %s, %s)",
            [
                (network, position, ids[f"user:{e.user}"], ids[f"item:{e.item}"], e.split)
                for position, e in enumerate(dataset.events)
            ],
        )


async def held_out(conn: Connection, network: int, user: int, item: int) -> Split | None:
    """Return the split that keeps a user's event with an item for evaluation, or None."""
    cursor = await conn.execute(
        "SELECT split FROM events WHERE network_id = %s AND user_id = %s AND item_id = %s "
        "AND split IN ('valid', 'test')",
        (network, user, item),
    )
    row = await cursor.fetchone()
    return None if row is None else Split(row["split"])


async def read_events(conn: Connection, network: int) -> list[StoredEvent]:
    """Return all events in feeding order."""
    cursor = await conn.execute(
        "SELECT position, user_id, item_id, split FROM events "
        "WHERE network_id = %s ORDER BY position",
        (network,),
    )
    return [StoredEvent.model_validate(row) for row in await cursor.fetchall()]
