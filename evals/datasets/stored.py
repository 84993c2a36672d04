"""The data set of a network, read back from the database."""

from state.dataset import Dataset, Event, Item
from state.db.pool import Connection
from state.domain import ClientKind
from state.store.clients import list_clients
from state.store.events import read_events
from state.store.networks import NetworkRecord


async def stored_dataset(conn: Connection, network: NetworkRecord) -> Dataset:
    """Return the data set that a network was loaded from."""
    clients = {client.id: client for client in await list_clients(conn, network.id)}
    return Dataset(
        name=network.dataset,
        domain=network.domain,
        items=tuple(
            Item(key=c.key, title=c.title, category=c.category)
            for c in clients.values()
            if c.kind is ClientKind.ITEM
        ),
        events=tuple(
            Event(user=clients[e.user_id].key, item=clients[e.item_id].key, split=e.split)
            for e in await read_events(conn, network.id)
        ),
    )
