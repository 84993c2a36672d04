"""Bootstrap (Algorithm 1, line 1): first profiles and rules, then K routers and tau (§2.2.1)."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.attributes import assign_to, find_holders, match_vocabulary, send_summary
from nodes.commit_router_update import write_extracted, write_router_change
from nodes.resources import resources
from nodes.step import BOOTSTRAP, Step, begin_step, require_encoder
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
    read_vectors,
)
from state.store.events import read_events
from state.store.networks import NetworkRecord, find_network, write_settings, write_tau
from state.store.routers import count_routers
from state.store.versions import append_version, join_rules
from state.vectors import Vector, cosines

_COSINE_ERROR = 1e-6
"""The error of a cosine in the database, which sums in single precision."""


async def initialize_clients(
    state: BootstrapState,  # noqa: ARG001 - the signature of a node
    runtime: Runtime[BootstrapContext],
) -> BootstrapState:
    """Write first profiles and rules, the profiles' embeddings, and the settings; no model call.

    A user's first profile is made of exactly its first event, an item's of title and category. A
    network that is bootstrapped already is left as it is; with other settings NetworkError is
    raised.
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


async def cluster_attributes(
    state: BootstrapState, runtime: Runtime[BootstrapContext]
) -> BootstrapState:
    """Cluster the distinct attributes into K by k-means on their embeddings; no model call.

    Where no client has an attribute, NetworkError is raised.
    """
    step = await begin_step(BOOTSTRAP, runtime)
    settings = step.network.settings
    match = await match_vocabulary(step, {p for e in state["extracted"] for p in e.attributes})
    holders = find_holders(state["extracted"], match, before={})
    if not holders:
        raise NetworkError(f"no attributes were found in network '{step.network.name}'")
    phrases = sorted(holders)
    matrix = np.stack([match.vectors[phrase] for phrase in phrases])
    labels = await asyncio.to_thread(_labels, matrix, settings.routers, settings.seed % 2**32)
    clusters: dict[int, dict[str, list[int]]] = {}
    for phrase, label in zip(phrases, labels, strict=True):
        clusters.setdefault(label, {})[phrase] = holders[phrase]
    # Numbered by size, so that a router's number means something to a reader.
    ordered = sorted(clusters.values(), key=lambda cluster: (-len(cluster), min(cluster)))
    return {"clusters": [assign_to(n, cluster) for n, cluster in enumerate(ordered, start=1)]}


async def fan_out_clusters(state: BootstrapState) -> list[Send]:
    """Send each cluster to be summarized into a router."""
    return [send_summary(BOOTSTRAP, cluster, "") for cluster in state["clusters"]]


async def create_routers(
    state: BootstrapState, runtime: Runtime[BootstrapContext]
) -> BootstrapState:
    """Write vocabulary, attributes, embedded routers (§2.2.1) and tau; no model call."""
    step = await begin_step(BOOTSTRAP, runtime)
    network, most = step.network.id, step.network.settings.router_attributes
    match = await match_vocabulary(step, {p for e in state["extracted"] for p in e.attributes})
    profiles = {summary.router: summary.profile for summary in state["summaries"]}
    changes = [
        RouterChange(
            module=Module.router(cluster.router),
            texts=((profiles[cluster.router], "bootstrap"),),
            attributes=cluster.attributes[:most],
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
        user, item = await _calibrate_tau(conn, step, clusters, vectors)
        await write_tau(conn, network, user, item)
    return {"routers": len(changes), "tau_user": user, "tau_item": item}


def _labels(matrix: Vector, wanted: int, seed: int) -> list[int]:
    # Imported late: it takes longer than all other imports together, and only a bootstrap needs it.
    from sklearn.cluster import KMeans  # noqa: PLC0415

    distinct = len(np.unique(matrix, axis=0))
    means = KMeans(n_clusters=min(wanted, distinct), n_init=10, random_state=seed)
    # Where two choices are equally good, the order in which a processor sums would decide. Two
    # things break such ties, by far more than double precision errs and far less than matters:
    # noise, for vectors that are equally far apart, and weights, for two neighbours of which
    # either would do as a first centre.
    noise = np.random.default_rng(seed).uniform(-1e-6, 1e-6, matrix.shape)
    weights = np.linspace(1.0, 1.0 + 1e-6, len(matrix))
    return [int(label) for label in means.fit_predict(matrix + noise, sample_weight=weights)]


async def _calibrate_tau(
    conn: Connection, step: Step, clusters: Sequence[Collection[int]], vectors: Vector
) -> tuple[float, float]:
    """Return tau (Eq. 4) for users and for items: as set, or with `auto` by quantile.

    Clusters are the ids of each router's attributes; vectors are the routers', shape (K, d).
    """
    settings = step.network.settings
    if settings.tau != "auto":
        return settings.tau, settings.tau
    found = {}
    for kind in ClientKind:
        clients = await read_vectors(conn, step.network.id, kind)
        pairs = [
            cosine
            for attributes, vector in clients
            for cluster, cosine in zip(clusters, cosines(vectors, vector), strict=True)
            if not set(attributes).isdisjoint(cluster)
        ]
        found[kind] = quantile_tau(
            np.asarray(pairs, dtype=np.float32), len(clients), settings.hears_from
        )
    return found[ClientKind.USER], found[ClientKind.ITEM]


def quantile_tau(pairs: Vector, clients: int, hears_from: float) -> float:
    """Return the threshold above which `clients` get messages from `hears_from` routers on average.

    Pairs are the cosines of each router and client that share an attribute. The threshold lies
    halfway between the last pair that passes and the first that does not, but at least 1e-6 above
    the first pair that does not pass; it is -1 where all pass.
    """
    wanted = round(hears_from * clients)
    if wanted >= len(pairs):
        return -1.0
    ordered = np.sort(pairs)[::-1]
    halfway = float((ordered[wanted - 1] + ordered[wanted]) / 2) if wanted else -1.0
    return max(halfway, float(ordered[wanted]) + _COSINE_ERROR)


def require_same_settings(network: NetworkRecord, wanted: NetworkSettings) -> None:
    """Raise NetworkError for the first setting that differs from the bootstrapped network's."""
    for name in type(wanted).model_fields:
        held, given = getattr(network.settings, name), getattr(wanted, name)
        if held != given:
            copying = f"`recnet copy {network.name} NAME --set {name}={given}`"
            way = f"{copying} makes a network that has it"
            if name in USED_AT_BOOTSTRAP:
                way = "load the data under another name for other settings"
            raise NetworkError(
                f"network '{network.name}' was bootstrapped with {name}={held}, not {given}: {way}"
            )


def require_same_bootstrap(source: NetworkRecord, wanted: NetworkSettings) -> None:
    """Raise InputError for the first other setting that the bootstrap of the source has used."""
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
