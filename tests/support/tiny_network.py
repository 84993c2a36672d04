"""A tiny world that a reader can hold in mind, and the ways into a database."""

from langgraph.runtime import Runtime

from nodes.bootstrap import write_initial_texts
from nodes.resources import Resources
from prompts.initial_profiles import initial_item_profile, initial_user_profile
from state.dataset import Dataset, Event, Item, Split
from state.db.pool import Connection
from state.domain import ClientKind, Module, ModuleKind
from state.graphs.context import NetworkContext
from state.settings import NetworkSettings
from state.store.attributes import add_attributes
from state.store.buffers import NewMessage, add_messages, next_message, push_messages
from state.store.clients import (
    list_clients,
    write_attributes,
)
from state.store.networks import (
    NetworkRecord,
    find_network,
    write_settings,
    write_tau,
)
from state.store.routers import write_router
from state.store.routing import Delivery
from state.store.versions import append_version
from workflows.recnet import RecNet

SHELVES = {
    "Jazz": ("Smoky Trumpet", "Swing Trumpet Quartet", "Saxophone at Night", "Late Saxophone"),
    "Metal": ("Iron Riffs", "Thunder Guitar Riffs", "Black Guitar Storm", "Steel Drum Storm"),
    "Folk": ("Fiddle by the Sea", "Harbour Fiddle", "Banjo Mornings", "Old Banjo Songs"),
}
"""Titles by category. An item's key is its category's first letter and its place: `j1` to `f4`."""

BASKETS = {
    "ann": "j1 j2 j3 j4",
    "bob": "j4 j3 j2 j1",
    "cid": "m1 m2 m3 m4",
    "dot": "m4 m3 m2 m1",
    "eve": "f1 f2 f3 f4",
    "fay": "f4 f3 m2 m1",
}
"""What each user took: first, train, valid, test. All but fay stay with what they like."""

TASTES = {"Jazz": "trumpet jazz", "Metal": "guitar riffs", "Folk": "sea fiddle"}
"""In a planted network: what a category's router and clients stand for. Ids 1, 2 and 3."""

NETWORK_SETTINGS = NetworkSettings(routers=3, update_size=5)
"""Small enough for a router update after two records."""


def tiny_dataset(name: str = "tiny") -> Dataset:
    """Return 6 users, 12 CDs and 24 events; of them 6 are training records."""
    items = tuple(
        Item(key=f"{category[0].lower()}{place}", title=title, category=category)
        for category, titles in SHELVES.items()
        for place, title in enumerate(titles, start=1)
    )
    events = tuple(
        Event(user=user, item=basket.split()[turn], split=split)
        for turn, split in enumerate(Split)
        for user, basket in BASKETS.items()
    )
    return Dataset(name=name, domain="CDs", items=items, events=events)


async def load(recnet: RecNet, dataset: Dataset, name: str) -> int:
    """Store a data set as a network that is not bootstrapped yet, and return the network's id."""
    return (await recnet.load(name, dataset)).id


async def found(
    recnet: RecNet, name: str = "tiny", network_settings: NetworkSettings = NETWORK_SETTINGS
) -> int:
    """Load the tiny data set, bootstrap it, and return the network's id."""
    network = await load(recnet, tiny_dataset(), name)
    await recnet.bootstrap(name, network_settings)
    return network


async def plant(
    resources: Resources,
    name: str = "tiny",
    network_settings: NetworkSettings = NETWORK_SETTINGS,
    *,
    tau: float = 0.0,
) -> NetworkRecord:
    """Write the tiny data set as a bootstrapped network without a call, and return it.

    Router and attribute 1 stand for jazz, 2 for metal, 3 for folk. Clients 1 to 6 are the users
    from ann to fay, 7 to 18 the items from j1 to f4; each holds the attribute of its (first) CD.
    """
    network = await load(RecNet(resources), tiny_dataset(), name)
    routers = [f"Liked here: {taste}." for taste in TASTES.values()]
    vectors = await resources.encoder.embed([*TASTES.values(), *routers])
    async with resources.pool.connection() as conn, conn.transaction():
        await write_settings(conn, network, network_settings)
        await write_tau(conn, network, tau, tau)
        tastes = list(enumerate(TASTES.values(), start=1))
        await add_attributes(conn, network, [(n, t, vectors[n - 1]) for n, t in tastes])
        for n, text in enumerate(routers, start=1):
            module = Module(kind=ModuleKind.ROUTER, owner=n)
            await append_version(conn, network, module, 1, text, "bootstrap")
            await write_router(conn, network, n, 1, [n], vectors[n + 2])
        await _plant_clients(conn, resources, network)
        return await find_network(conn, name)


async def _plant_clients(conn: Connection, resources: Resources, network: int) -> None:
    clients = await list_clients(conn, network)
    items = {client.key: client for client in clients}
    first = {user: items[basket.split()[0]] for user, basket in BASKETS.items()}
    shelves = {client.id: first.get(client.key, client) for client in clients}
    profiles = [
        initial_item_profile(client.title, client.category)
        if client.kind is ClientKind.ITEM
        else initial_user_profile("CDs", shelves[client.id].title, shelves[client.id].category)
        for client in clients
    ]
    vectors = await resources.encoder.embed(profiles)
    async with conn.pipeline():
        for client, profile, vector in zip(clients, profiles, vectors, strict=True):
            await write_initial_texts(conn, network, client, profile, vector)
    numbers = {category: n for n, category in enumerate(TASTES, start=1)}
    held = {client: [numbers[shelf.category]] for client, shelf in shelves.items()}
    await write_attributes(conn, network, held)


def as_router(number: int) -> Module:
    """Return the module that a router is."""
    return Module(kind=ModuleKind.ROUTER, owner=number)


async def send(resources: Resources, network: int, sender: int, *clients: int) -> int:
    """Put the current message of a router on top of clients' buffers, and return its id."""
    async with resources.pool.connection() as conn, conn.transaction():
        number = await next_message(conn, network)
        cursor = await conn.execute(
            "SELECT version FROM routers WHERE network_id = %s AND id = %s", (network, sender)
        )
        row = await cursor.fetchone()
        assert row is not None
        message = NewMessage(
            id=number, sender=as_router(sender), version=row["version"], taken=(sender,)
        )
        await add_messages(conn, network, 0, [message])
        deliveries = [
            Delivery(client=client, kind=ClientKind.USER, message=number, cosine=1.0)
            for client in clients
        ]
        await push_messages(conn, network, deliveries, NETWORK_SETTINGS.buffer)
    return number


def run_on(name: str = "tiny") -> Runtime[NetworkContext]:
    """Return the runtime that a graph gives its nodes."""
    return Runtime(context=NetworkContext(network=name))
