"""Founding: first profiles and rules, single attributes clustered into K routers, tau."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.attributes import intake_of
from nodes.commit_router_update import write_change, write_clients
from nodes.resources import resources
from nodes.router_changes import RouterChange
from nodes.step import BOOTSTRAP, Step, begin_step, require_encoder
from nodes.vocabulary import Lexicon, look_up
from prompts.initial_profiles import INITIAL_RULES, initial_item_profile, initial_user_profile
from state.dataset import Split
from state.db.pool import Connection
from state.domain import ClientKind, Module, ModuleKind
from state.errors import InputError, NetworkError
from state.graphs.bootstrap import BootstrapState
from state.graphs.context import BootstrapContext
from state.graphs.router_update import ExtractedAttributes, ExtractTask, SummarizeTask
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

_ERRS = 1e-6
"""What the database, which sums in single precision, may err in a cosine."""


async def initialize_clients(
    state: BootstrapState,  # noqa: ARG001
    runtime: Runtime[BootstrapContext],
) -> BootstrapState:
    """Write first profiles and rules, each with its embedding, and what shapes the network.

    A user's first profile is made of exactly its first event, an item's of title and category. A
    network that is bootstrapped already with the same settings is left as it is.

    Raises:
        NetworkError: it was bootstrapped with other settings.
    """
    async with resources().pool.connection() as conn:
        network = await find_network(conn, runtime.context.network)
        # One of that name may have been dropped since this process last saw it.
        resources().networks.pop(network.name, None)
        counts = await count_clients(conn, network.id)
        routers, _ = await count_routers(conn, network.id)
    network_settings = runtime.context.network_settings()
    if network.stored_settings is not None:
        require_same_settings(network, network_settings)
        return {"clients": sum(counts.values()), "routers": routers}
    network = network.model_copy(update={"stored_settings": network_settings})
    require_encoder(network, resources())
    step = Step(network, BOOTSTRAP, resources())
    clients, profiles = await _first_profiles(step)
    vectors = await step.embed(profiles)
    async with step.commit() as conn:
        if (begun := await find_network(conn, network.name)).stored_settings is not None:
            # By another process, since this one looked.
            require_same_settings(begun, network_settings)
            return {"clients": len(clients), "routers": 0}
        await write_settings(conn, network.id, network_settings)
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
    """Cluster the distinct attributes into K by k-means on their embeddings."""
    step = await begin_step(BOOTSTRAP, runtime)
    lexicon = await look_up(step, {p for e in state["extracted"] for p in e.attributes})
    holders = _holders(state["extracted"], lexicon)
    if not holders:
        raise NetworkError(f"no attributes were found in network '{step.network.name}'")
    phrases = sorted(holders)
    matrix = np.stack([lexicon.vectors[phrase] for phrase in phrases])
    labels = await asyncio.to_thread(_labels, matrix, step.network.settings.routers, _seed(step))
    clusters: dict[int, dict[str, list[int]]] = {}
    for phrase, label in zip(phrases, labels, strict=True):
        clusters.setdefault(label, {})[phrase] = holders[phrase]
    # Numbered by size, so that a router's number says something to a reader.
    ordered = sorted(clusters.values(), key=lambda cluster: (-len(cluster), min(cluster)))
    return {"founding": [intake_of(n, cluster) for n, cluster in enumerate(ordered, start=1)]}


async def fan_out_clusters(state: BootstrapState) -> list[Send]:
    """Send each cluster to be summarized into a router."""
    return [
        Send(
            "summarize_router",
            SummarizeTask(
                step=BOOTSTRAP, router=intake.router, profile="", attributes=intake.attributes
            ),
        )
        for intake in state["founding"]
    ]


async def create_routers(
    state: BootstrapState, runtime: Runtime[BootstrapContext]
) -> BootstrapState:
    """Write vocabulary, attributes and routers, and freeze tau by kind of client."""
    step = await begin_step(BOOTSTRAP, runtime)
    network_settings = step.network.settings
    lexicon = await look_up(step, {p for e in state["extracted"] for p in e.attributes})
    profiles = {summary.router: summary.profile for summary in state["summaries"]}
    changes = [
        RouterChange(
            router=intake.router,
            base=0,
            texts=((profiles[intake.router], "bootstrap"),),
            attributes=intake.attributes[: network_settings.router_attributes],
            taken=intake.attributes,
            parents=(),
        )
        for intake in state["founding"]
    ]
    embedded = await step.embed([change.texts[0][0] for change in changes])
    async with step.commit() as conn:
        founded = await find_network(conn, step.network.name)
        if founded.tau_user is not None:
            # Committed before the run was stopped: only the checkpoint is missing.
            user, item = (founded.tau(kind) for kind in ClientKind)
            return {"routers": len(changes), "tau_user": user, "tau_item": item}
        await write_clients(conn, step, state["extracted"], lexicon)
        for change, vector in zip(changes, embedded, strict=True):
            await write_change(conn, step, None, change, vector, lexicon)
        user, item = await _taus(conn, step, changes, embedded, lexicon)
        await write_tau(conn, step.network.id, user, item)
    return {"routers": len(changes), "tau_user": user, "tau_item": item}


def quantile_tau(pairs: Vector, clients: int, hears_from: float) -> float:
    """Return the threshold above which `clients` hear from `hears_from` routers on average.

    Args:
        pairs: cosines of the pairs of router and client that share an attribute.
        clients: how many clients of the kind there are.
        hears_from: messages a client is to hear on average, were all routers to speak.

    Returns:
        Halfway between the last pair that passes and the first that does not, and above that one
        by more than the database errs when it sums; -1 where all pass.
    """
    wanted = round(hears_from * clients)
    if wanted >= len(pairs):
        return -1.0
    ordered = np.sort(pairs)[::-1]
    halfway = float((ordered[wanted - 1] + ordered[wanted]) / 2) if wanted else -1.0
    return max(halfway, float(ordered[wanted]) + _ERRS)


def require_same_settings(network: NetworkRecord, wanted: NetworkSettings) -> None:
    """Refuse to bootstrap a network again with other settings.

    Raises:
        NetworkError: it was bootstrapped with other settings; names the first one.
    """
    held = network.settings
    for name in type(held).model_fields:
        if getattr(held, name) != getattr(wanted, name):
            raise NetworkError(
                f"network '{network.name}' was bootstrapped with {name}={getattr(held, name)}, "
                f"not {getattr(wanted, name)}: {_instead(network, name, getattr(wanted, name))}"
            )


def require_same_bootstrap(source: NetworkRecord, wanted: NetworkSettings) -> None:
    """Refuse to copy a network with another setting where its bootstrap has used that setting.

    Raises:
        InputError: names the first such setting.
    """
    for name in USED_AT_BOOTSTRAP:
        if getattr(source.settings, name) != getattr(wanted, name):
            raise InputError(
                f"a copy of network '{source.name}' keeps {name}={getattr(source.settings, name)}, "
                "which its bootstrap has used: load the data under another name and bootstrap that"
            )


def _instead(network: NetworkRecord, name: str, value: object) -> str:
    if name in USED_AT_BOOTSTRAP:
        return "load the data under another name for other settings"
    return f"`recnet copy {network.name} NAME --set {name}={value}` makes a network that has it"


async def _first_profiles(step: Step) -> tuple[list[ClientName], list[str]]:
    async with resources().pool.connection() as conn:
        clients = await list_clients(conn, step.network.id)
        events = await read_events(conn, step.network.id)
    by_id = {client.id: client for client in clients}
    first = {e.user_id: by_id[e.item_id] for e in events if e.split is Split.FIRST}
    profiles = []
    for client in clients:
        if client.kind is ClientKind.ITEM:
            profiles.append(initial_item_profile(client.title, client.category))
        else:
            if (item := first.get(client.id)) is None:
                raise NetworkError(f"user '{client.key}' has no first event to make a profile of")
            profiles.append(initial_user_profile(step.network.domain, item.title, item.category))
    return clients, profiles


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


def _holders(extracted: Sequence[ExtractedAttributes], lexicon: Lexicon) -> dict[str, list[int]]:
    holders: dict[str, list[int]] = {}
    for entry in sorted(extracted, key=lambda e: e.client):
        for phrase in dict.fromkeys(lexicon.canonical[p] for p in entry.attributes):
            holders.setdefault(phrase, []).append(entry.client)
    return holders


def _seed(step: Step) -> int:
    return step.network.settings.seed % 2**32


def _labels(matrix: Vector, wanted: int, seed: int) -> list[int]:
    # Imported late: it takes longer than everything else together, and only a bootstrap needs it.
    from sklearn.cluster import KMeans  # noqa: PLC0415

    distinct = len(np.unique(matrix, axis=0))
    means = KMeans(n_clusters=min(wanted, distinct), n_init=10, random_state=seed)
    # Where two choices are equally good, the order in which a processor sums would decide. So they
    # are made to differ, by far more than double precision errs and far less than means anything:
    # vectors of spelling that are equally far apart by noise, and two neighbours, of which either
    # would do as a first centre, by weight.
    noise = np.random.default_rng(seed).uniform(-1e-6, 1e-6, matrix.shape)
    weights = np.linspace(1.0, 1.0 + 1e-6, len(matrix))
    return [int(label) for label in means.fit_predict(matrix + noise, sample_weight=weights)]


async def _taus(
    conn: Connection,
    step: Step,
    changes: Sequence[RouterChange],
    vectors: Vector,
    lexicon: Lexicon,
) -> tuple[float, float]:
    tau = step.network.settings.tau
    if tau != "auto":
        return tau, tau
    clusters = [{lexicon.ids[p] for p in change.taken} for change in changes]
    found = {}
    for kind in ClientKind:
        rows = await read_vectors(conn, step.network.id, kind)
        pairs = [
            cosine
            for attributes, vector in rows
            for cluster, cosine in zip(clusters, cosines(vectors, vector), strict=True)
            if not cluster.isdisjoint(attributes)
        ]
        found[kind] = quantile_tau(
            np.asarray(pairs, dtype=np.float32), len(rows), step.network.settings.hears_from
        )
    return found[ClientKind.USER], found[ClientKind.ITEM]
