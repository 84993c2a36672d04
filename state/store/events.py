"""Events: the interactions of the data set a network was loaded from, in feeding order."""

from collections.abc import Mapping

from state.dataset import Dataset, Split
from state.db.pool import Connection
from state.db.query import fetch_models, fetch_one, insert_rows
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
    rows = [
        (network, position, ids[f"user:{e.user}"], ids[f"item:{e.item}"], e.split)
        for position, e in enumerate(dataset.events)
    ]
    await insert_rows(conn, "events", "network_id, position, user_id, item_id, split", rows)


async def held_out(conn: Connection, network: int, user: int, item: int) -> Split | None:
    """Return the split that keeps a user's event with an item for evaluation, or None."""
    row = await fetch_one(
        conn,
        "SELECT split FROM events WHERE network_id = %s AND user_id = %s AND item_id = %s "
        "AND split IN ('valid', 'test')",
        (network, user, item),
    )
    return None if row is None else Split(row["split"])


async def read_events(conn: Connection, network: int) -> list[StoredEvent]:
    """Return all events in feeding order."""
    query = (
        "SELECT position, user_id, item_id, split FROM events "
        "WHERE network_id = %s ORDER BY position"
    )
    return await fetch_models(conn, StoredEvent, query, (network,))
