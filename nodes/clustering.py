"""Cluster the attributes of all clients into K routers (§2.2.1)."""

import asyncio

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.attributes import assign_to, find_holders
from nodes.step import BOOTSTRAP, begin_step
from nodes.vocabulary import match_vocabulary
from state.errors import NetworkError
from state.graphs.bootstrap import BootstrapState
from state.graphs.context import BootstrapContext
from state.graphs.router_update import SummarizeTask
from state.vectors import Vector


async def cluster_attributes(
    state: BootstrapState, runtime: Runtime[BootstrapContext]
) -> BootstrapState:
    """Cluster the distinct attributes into K by k-means on their embeddings; no model call.

    Raises:
        NetworkError: no client has an attribute.
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
    return [
        Send(
            "summarize_router",
            SummarizeTask(
                step=BOOTSTRAP, router=cluster.router, profile="", attributes=cluster.attributes
            ),
        )
        for cluster in state["clusters"]
    ]


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
