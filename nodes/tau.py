"""Calibrate tau, the threshold of Eq. 4, from the bootstrapped network."""

from collections.abc import Collection, Sequence

import numpy as np

from state.db.pool import Connection
from state.domain import ClientKind
from state.settings import NetworkSettings
from state.store.clients import read_vectors
from state.vectors import Vector, cosines

_ERROR = 1e-6
"""The error of a cosine in the database, which sums in single precision."""


async def calibrate_tau(
    conn: Connection,
    network: int,
    settings: NetworkSettings,
    clusters: Sequence[Collection[int]],
    vectors: Vector,
) -> tuple[float, float]:
    """Return tau for users and for items: as set, or with `auto` by quantile.

    Args:
        conn: sees the attributes and embeddings of the clients.
        network: its id.
        settings: the network's.
        clusters: ids of each router's attributes.
        vectors: the routers' unit vectors, shape (K, d).
    """
    if settings.tau != "auto":
        return settings.tau, settings.tau
    found = {}
    for kind in ClientKind:
        clients = await read_vectors(conn, network, kind)
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

    Args:
        pairs: cosines of the pairs of router and client that share an attribute.
        clients: the number of clients of the kind.
        hears_from: messages a client is to get on average, were all routers to send.

    Returns:
        Halfway between the last pair that passes and the first that does not, and above that one
        by more than the database's error; -1 where all pass.
    """
    wanted = round(hears_from * clients)
    if wanted >= len(pairs):
        return -1.0
    ordered = np.sort(pairs)[::-1]
    halfway = float((ordered[wanted - 1] + ordered[wanted]) / 2) if wanted else -1.0
    return max(halfway, float(ordered[wanted]) + _ERROR)
