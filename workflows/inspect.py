"""Views of a network, a client, a router and the interactions, for people to read."""

from collections.abc import Sequence
from typing import Any

from state.db.pool import Connection
from state.domain import ClientKind, Frozen, Message, Module, ModuleKind
from state.errors import InputError
from state.store import clients as stored
from state.store.attributes import read_phrases
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.module_names import Names, module_name, name_clients
from state.store.networks import NetworkRecord
from state.store.routers import read_heirs, read_routers
from state.store.versions import Version, list_pinned, read_versions
from state.store.windows import count_windows, read_pending
from workflows.training.driver import FIT
from workflows.training.schedule import identity


class RouterView(Frozen):
    """A router: its text, its community, and how it came to be."""

    router: int
    profile: str
    attributes: tuple[str, ...]
    heirs: tuple[int, ...]
    pinned: bool
    versions: tuple[Version, ...]


class MessageView(Frozen):
    """A message with who sent it."""

    sender: str
    """The module: `router:3`, or a client that spoke for itself."""
    version: int
    """That of the sender when it was sent."""
    body: str


class ClientView(Frozen):
    """A client: its texts, what waits in its buffer, and how it came to read so."""

    kind: ClientKind
    key: str
    title: str
    profile: str
    rules: tuple[str, ...]
    attributes: tuple[str, ...]
    messages: tuple[MessageView, ...]
    """The buffer, newest first."""
    merged_on_delivery: tuple[MessageView, ...]
    """What was merged when it was delivered, and waits for an interaction to say what it did."""
    pinned: tuple[str, ...]
    """Names of the modules whose text stays until it is unpinned."""
    versions: tuple[Version, ...]
    """Of the profile."""
    rules_versions: tuple[Version, ...]


class InteractionView(Frozen):
    """One settled interaction in the keys of the data."""

    interaction: str
    user: str
    took: str
    not_taken: str
    predicted: str
    """Empty for one that failed."""
    reward: int | None
    reason: str
    failure: str


class NetworkView(Frozen):
    """A network at a glance."""

    network: str
    dataset: str
    domain: str
    users: int
    items: int
    settings: dict[str, Any]
    tau_user: float
    tau_item: float
    passing_users: float
    """Share of the pairs of router and user that share an attribute (the indicator of Eq. 4)."""
    passing_items: float
    records: int
    """Training records: the events between a user's first and last one."""
    trained: int
    """How many of them were settled."""
    interactions: int
    """All that were settled, live ones too."""
    failed: int
    reward: float | None
    windows: int
    pending: int
    routers: dict[int, str]
    """Texts of the active routers by number."""
    retired: dict[int, tuple[int, ...]]
    """Heirs of the retired routers by number."""
    pinned: tuple[str, ...]
    """Names of the modules whose text stays until it is unpinned."""


async def view_network(conn: Connection, network: NetworkRecord) -> NetworkView:
    """Return a network at a glance; see `Network.show`."""
    counts = await stored.count_clients(conn, network.id)
    done = await list_interactions(conn, network.id)
    rewards = [i.reward for i in done if i.reward is not None]
    events = await read_events(conn, network.id)
    fitted = FIT["train+valid"]
    planned = {identity(network.dataset, e.position) for e in events if e.split in fitted}
    routers = await read_routers(conn, network.id)
    heirs = await read_heirs(conn, network.id)
    pinned = await list_pinned(conn, network.id)
    owners = await name_clients(conn, network.id, [module.owner for module in pinned])
    return NetworkView(
        network=network.name,
        dataset=network.dataset,
        domain=network.domain,
        users=counts[ClientKind.USER],
        items=counts[ClientKind.ITEM],
        settings=network.settings.model_dump(mode="json"),
        tau_user=network.tau(ClientKind.USER),
        tau_item=network.tau(ClientKind.ITEM),
        passing_users=await _passing(conn, network, ClientKind.USER),
        passing_items=await _passing(conn, network, ClientKind.ITEM),
        records=len(planned),
        trained=len(planned & {i.id for i in done}),
        interactions=len(done),
        failed=sum(1 for i in done if i.failure),
        reward=sum(rewards) / len(rewards) if rewards else None,
        windows=await count_windows(conn, network.id),
        pending=len(await read_pending(conn, network.id)),
        routers={router.id: router.profile for router in routers},
        retired={router: found for router, found in heirs.items() if found},
        pinned=tuple(module_name(module, owners) for module in pinned),
    )


async def view_interactions(
    conn: Connection, network: NetworkRecord, user: str = ""
) -> list[InteractionView]:
    """Return the settled interactions in their order; see `Network.interactions`."""
    found = await list_interactions(conn, network.id)
    if user:
        number = (await stored.find_clients(conn, network.id, ClientKind.USER, [user]))[user]
        found = [one for one in found if one.user_id == number]
    ids = {client for one in found for client in (one.user_id, one.positive_id, one.negative_id)}
    names = await name_clients(conn, network.id, ids)
    return [
        InteractionView(
            interaction=one.id,
            user=names[one.user_id].key,
            took=names[one.positive_id].key,
            not_taken=names[one.negative_id].key,
            predicted=names[one.predicted_id].key if one.predicted_id else "",
            reward=one.reward,
            reason=one.reason,
            failure=one.failure,
        )
        for one in found
    ]


async def view_client(
    conn: Connection, network: NetworkRecord, kind: ClientKind, key: str
) -> ClientView:
    """Return one client; see `Network.client`."""
    number = (await stored.find_clients(conn, network.id, kind, [key]))[key]
    (client,) = await stored.read_clients(conn, network.id, [number])
    held = (await stored.read_attributes(conn, network.id, [number])).get(number, [])
    phrases = await read_phrases(conn, network.id, held)
    profile = Module(kind=ModuleKind.profile_of(kind), owner=number)
    memory = Module(kind=ModuleKind.FILTER_MEMORY, owner=number)
    pins = {profile: client.profile_pinned, memory: client.filter_pinned}
    senders = [m.sender.owner for m in (*client.messages, *client.merged_on_delivery)]
    names = await name_clients(conn, network.id, [number, *senders])
    return ClientView(
        kind=kind,
        key=key,
        title=client.title,
        profile=client.profile,
        rules=client.rules,
        attributes=tuple(phrases[attribute] for attribute in held),
        messages=_views(client.messages, names),
        merged_on_delivery=_views(client.merged_on_delivery, names),
        pinned=tuple(module_name(module, names) for module, held in pins.items() if held),
        versions=tuple(await read_versions(conn, network.id, profile)),
        rules_versions=tuple(await read_versions(conn, network.id, memory)),
    )


def _views(messages: Sequence[Message], names: Names) -> tuple[MessageView, ...]:
    return tuple(
        MessageView(sender=module_name(m.sender, names), version=m.version, body=m.body)
        for m in messages
    )


async def view_router(conn: Connection, network: NetworkRecord, number: int) -> RouterView:
    """Return one router, active or retired; see `Network.router`."""
    routers = {r.id: r for r in await read_routers(conn, network.id, retired=True)}
    if (router := routers.get(number)) is None:
        raise InputError(f"no router {number}; there are 1 to {max(routers, default=0)}")
    phrases = await read_phrases(conn, network.id, router.attributes)
    module = Module(kind=ModuleKind.ROUTER, owner=number)
    return RouterView(
        router=number,
        profile=router.profile,
        attributes=tuple(phrases[attribute] for attribute in router.attributes),
        heirs=router.heirs,
        pinned=router.pinned,
        versions=tuple(await read_versions(conn, network.id, module)),
    )


async def _passing(conn: Connection, network: NetworkRecord, kind: ClientKind) -> float:
    """Return the share of pairs of an active router and a client that share an attribute."""
    clients = [client.id for client in await stored.list_clients(conn, network.id, kind)]
    held = await stored.read_attributes(conn, network.id, clients)
    routers = [set(router.attributes) for router in await read_routers(conn, network.id)]
    pairs = len(held) * len(routers)
    passing = sum(not r.isdisjoint(a) for a in held.values() for r in routers)
    return passing / pairs if pairs else 0.0
