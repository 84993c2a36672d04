"""A data set of 6 users and 12 CDs, and the ways to make a network of it.

`bootstrap_tiny` calls the model as users do. `plant_tiny` writes a bootstrapped network with known
profiles, attributes and routers, without a call.
"""

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
"""The items of each user by time: first, train, valid, test. Only fay changes category."""

TASTES = {"Jazz": "trumpet jazz", "Metal": "guitar riffs", "Folk": "sea fiddle"}
"""In a planted network: the attribute of each category's clients and router; ids 1, 2 and 3."""

RECORD_WITH_MESSAGES = ("ann", "j3", "f1")
"""A record whose user and negative have messages once `train_tiny` is done."""

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


async def load_tiny(recnet: RecNet, name: str = "tiny") -> int:
    """Store the tiny data set as a network that is not bootstrapped yet; return its id."""
    return (await (await recnet.load(name, tiny_dataset())).record()).id


async def bootstrap_tiny(
    recnet: RecNet, name: str = "tiny", network_settings: NetworkSettings = NETWORK_SETTINGS
) -> int:
    """Load the tiny data set, bootstrap it with the models that are open, and return its id."""
    network = await load_tiny(recnet, name)
    await recnet.network(name).bootstrap(with_models(recnet, network_settings))
    return network


async def train_tiny(recnet: RecNet) -> int:
    """Bootstrap the tiny network, train on its six training records, and return its id."""
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").train(fit="train")
    return network


def with_models(recnet: RecNet, network_settings: NetworkSettings) -> NetworkSettings:
    """Return network settings that name the model and the encoder that are open."""
    settings = recnet.resources.settings
    named = {"model": settings.model, "encoder": settings.embedding}
    return network_settings.model_copy(update=named)


async def plant_tiny(
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
    network = await load_tiny(RecNet(resources), name)
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


async def push(resources: Resources, network: int, sender: int, *clients: int) -> int:
    """Put the current message of a router on top of clients' buffers, and return its id."""
    async with resources.pool.connection() as conn, conn.transaction():
        number = await next_message(conn, network)
        cursor = await conn.execute(
            "SELECT version FROM routers WHERE network_id = %s AND id = %s", (network, sender)
        )
        row = await cursor.fetchone()
        assert row is not None
        message = NewMessage(
            id=number, sender=Module.router(sender), version=row["version"], attributes=(sender,)
        )
        await add_messages(conn, network, 0, [message])
        deliveries = [
            Delivery(client=client, kind=ClientKind.USER, message=number, cosine=1.0)
            for client in clients
        ]
        await push_messages(conn, network, deliveries, NETWORK_SETTINGS.buffer_size)
    return number


def runtime(name: str = "tiny") -> Runtime[NetworkContext]:
    """Return the runtime that a graph gives its nodes."""
    return Runtime(context=NetworkContext(network=name))
