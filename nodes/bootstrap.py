"""Bootstrap (Algorithm 1, line 1): first profiles and rules, and at the end the routers."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.commit_router_update import write_extracted, write_router_change
from nodes.resources import resources
from nodes.step import BOOTSTRAP, Step, begin_step, require_encoder
from nodes.tau import calibrate_tau
from nodes.vocabulary import match_vocabulary
from prompts.initial_profiles import INITIAL_RULES, initial_item_profile, initial_user_profile
from state.dataset import Split
from state.db.pool import Connection
from state.domain import ClientKind, Module, ModuleKind
from state.errors import InputError, NetworkError
from state.graphs.bootstrap import BootstrapState
from state.graphs.context import BootstrapContext
from state.graphs.router_update import ExtractTask, RouterChange
from state.settings import USED_AT_BOOTSTRAP, NetworkSettings
from state.store.clients import (
    ClientName,
    count_clients,
    list_clients,
    point_filter,
    point_profile,
)
from state.store.events import read_events
from state.store.networks import NetworkRecord, find_network, write_settings, write_tau
from state.store.routers import count_routers
from state.store.versions import append_version, join_rules
from state.vectors import Vector


async def initialize_clients(
    state: BootstrapState,  # noqa: ARG001 - the signature of a node
    runtime: Runtime[BootstrapContext],
) -> BootstrapState:
    """Write first profiles and rules, the profiles' embeddings, and the settings; no model call.

    A user's first profile is made of exactly its first event, an item's of title and category. A
    network that is bootstrapped already with the same settings is left as it is.

    Raises:
        NetworkError: it was bootstrapped with other settings.
    """
    settings = runtime.context.network_settings()
    held = resources()
    async with held.pool.connection() as conn:
        network = await find_network(conn, runtime.context.network)
        # A network of that name may have been dropped since this process last saw it.
        held.networks.pop(network.name, None)
        counts = await count_clients(conn, network.id)
        routers, _ = await count_routers(conn, network.id)
    if network.stored_settings is not None:
        require_same_settings(network, settings)
        return {"clients": sum(counts.values()), "routers": routers}
    network = network.model_copy(update={"stored_settings": settings})
    require_encoder(network, held)
    step = Step(network, BOOTSTRAP, held)
    clients, profiles = await _first_profiles(step)
    vectors = await step.embed(profiles)
    async with step.commit() as conn:
        if (begun := await find_network(conn, network.name)).stored_settings is not None:
            # By another process, in the meantime.
            require_same_settings(begun, settings)
            return {"clients": len(clients), "routers": 0}
        await write_settings(conn, network.id, settings)
        async with conn.pipeline():
            for client, profile, vector in zip(clients, profiles, vectors, strict=True):
                await write_initial_texts(conn, network.id, client, profile, vector)
    return {"clients": len(clients), "routers": 0}


async def fan_out_clients(
    state: BootstrapState, runtime: Runtime[BootstrapContext]
) -> list[Send] | Literal["__end__"]:
    """Send every client to extraction; none where the routers are there already."""
    if state["routers"]:
        return "__end__"
    async with resources().pool.connection() as conn:
        network = await find_network(conn, runtime.context.network)
        clients = await list_clients(conn, network.id)
    return [Send("extract_attributes", ExtractTask(step=BOOTSTRAP, client=c.id)) for c in clients]


async def create_routers(
    state: BootstrapState, runtime: Runtime[BootstrapContext]
) -> BootstrapState:
    """Write vocabulary, attributes and routers (§2.2.1), and set tau by kind of client.

    Embeds the routers and calls no model.
    """
    step = await begin_step(BOOTSTRAP, runtime)
    network, settings = step.network.id, step.network.settings
    match = await match_vocabulary(step, {p for e in state["extracted"] for p in e.attributes})
    profiles = {summary.router: summary.profile for summary in state["summaries"]}
    changes = [
        RouterChange(
            module=Module.router(cluster.router),
            base=0,
            texts=((profiles[cluster.router], "bootstrap"),),
            attributes=cluster.attributes[: settings.router_attributes],
        )
        for cluster in state["clusters"]
    ]
    vectors = await step.embed([change.profile for change in changes])
    async with step.commit() as conn:
        stored = await find_network(conn, step.network.name)
        if stored.tau_user is not None:
            # Committed before the run was stopped: only the checkpoint is missing.
            user, item = (stored.tau(kind) for kind in ClientKind)
            return {"routers": len(changes), "tau_user": user, "tau_item": item}
        await write_extracted(conn, network, state["extracted"], match)
        for change, vector in zip(changes, vectors, strict=True):
            await write_router_change(conn, network, change, vector, match, window=None)
        clusters = [{match.ids[p] for p in cluster.attributes} for cluster in state["clusters"]]
        user, item = await calibrate_tau(conn, network, settings, clusters, vectors)
        await write_tau(conn, network, user, item)
    return {"routers": len(changes), "tau_user": user, "tau_item": item}


def require_same_settings(network: NetworkRecord, wanted: NetworkSettings) -> None:
    """Refuse to bootstrap a network again with other settings.

    Raises:
        NetworkError: names the first setting that differs.
    """
    for name in type(wanted).model_fields:
        held, given = getattr(network.settings, name), getattr(wanted, name)
        if held != given:
            raise NetworkError(
                f"network '{network.name}' was bootstrapped with {name}={held}, not {given}: "
                + (
                    "load the data under another name for other settings"
                    if name in USED_AT_BOOTSTRAP
                    else f"`recnet copy {network.name} NAME --set {name}={given}` makes a network "
                    "that has it"
                )
            )


def require_same_bootstrap(source: NetworkRecord, wanted: NetworkSettings) -> None:
    """Refuse to copy a network with another setting where its bootstrap has used that setting.

    Raises:
        InputError: names the first such setting.
    """
    for name in USED_AT_BOOTSTRAP:
        held = getattr(source.settings, name)
        if held != getattr(wanted, name):
            raise InputError(
                f"a copy of network '{source.name}' keeps {name}={held}, which its bootstrap has "
                "used: load the data under another name and bootstrap that"
            )


async def write_initial_texts(
    conn: Connection, network: int, client: ClientName, profile: str, vector: Vector
) -> None:
    """Write the first version of a client's profile, with its embedding, and of its rules."""
    module = Module(kind=ModuleKind.profile_of(client.kind), owner=client.id)
    await append_version(conn, network, module, 1, profile, "bootstrap")
    await point_profile(conn, network, client.id, 1, vector)
    memory = Module(kind=ModuleKind.FILTER_MEMORY, owner=client.id)
    rules = join_rules(INITIAL_RULES[client.kind])
    await append_version(conn, network, memory, 1, rules, "bootstrap")
    await point_filter(conn, network, client.id, 1)


async def _first_profiles(step: Step) -> tuple[list[ClientName], list[str]]:
    async with step.connection() as conn:
        clients = await list_clients(conn, step.network.id)
        events = await read_events(conn, step.network.id)
    by_id = {client.id: client for client in clients}
    first = {e.user_id: by_id[e.item_id] for e in events if e.split is Split.FIRST}
    profiles = []
    for client in clients:
        if client.kind is ClientKind.ITEM:
            profiles.append(initial_item_profile(client.title, client.category))
        elif (item := first.get(client.id)) is not None:
            profiles.append(initial_user_profile(step.network.domain, item.title, item.category))
        else:
            raise NetworkError(f"user '{client.key}' has no first event to make a profile of")
    return clients, profiles
