"""A second implementation of Equation 4, in numpy from the stored texts, without code of nodes/."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from state.domain import ClientKind, Module, ModuleKind
from state.store.clients import list_clients, read_attributes, read_clients
from state.store.versions import read_versions
from state.vectors import Vector
from tests.support.database_rows import rows
from workflows.recnet import RecNet

Buffers = dict[int, list[int]]

NARROW = 1e-5
"""Cosines this near to the threshold are undecided: pgvector sums in another order."""


@dataclass
class EquationMessage:
    """A message with its router, the attributes in it, and the embedding of its text."""

    message: int
    router: int
    taken: set[int]
    vector: Vector


@dataclass
class Update:
    """The messages and recipients that a router update should have."""

    messages: list[EquationMessage]
    expected: dict[int, dict[int, float]] = field(default_factory=dict)
    """The recipients with their cosine, by message, then client."""
    too_far: int = 0
    """Pairs that share an attribute, but whose cosine is below tau."""
    echoes: int = 0
    """Pairs in which the client is the only source of the message."""
    undecided: int = 0
    """Pairs too near to tau."""


async def compute(
    recnet: RecNet, network: int, window: int, before: dict[int, set[int]], *, echo: bool
) -> Update:
    """Compute the update of a window; `before` are the attributes before it."""
    stored = await recnet.network("tiny").record()
    held = await attributes(recnet, network)
    vectors = await embeddings(recnet, network)
    kinds = await client_kinds(recnet, network)
    (row,) = await rows(recnet, "SELECT members FROM windows WHERE id = %s", window)
    fresh = {c: held[c] - before[c] for c in row["members"]}
    update = Update(await sent_in(recnet, network, window))
    for sent in update.messages:
        tellers = {a: {c for c, new in fresh.items() if a in new} for a in sent.taken}
        assert all(tellers.values()), "a router took in what is new in no client of the window"
        heard = update.expected.setdefault(sent.message, {})
        for client, vector in vectors.items():
            if not held[client] & sent.taken:
                continue
            cosine, tau = float(sent.vector @ vector), stored.tau(kinds[client])
            is_echo = all(told == {client} for told in tellers.values())
            update.undecided += abs(cosine - tau) < NARROW
            update.too_far += cosine <= tau
            update.echoes += cosine > tau and is_echo
            if cosine > tau and (echo or not is_echo):
                heard[client] = cosine
    return update


def expected_buffer(
    client: int, update: Update, before: list[int], routers: dict[int, int], capacity: int
) -> list[int]:
    """Return a buffer after an update: the nearest new messages, then the old ones not replaced."""
    new = [(-to[client], -message) for message, to in update.expected.items() if client in to]
    newest = [-message for _, message in sorted(new)]
    replaced = {routers[message] for message in newest}
    return [*newest, *(m for m in before if routers[m] not in replaced)][:capacity]


async def sent_in(recnet: RecNet, network: int, window: int) -> list[EquationMessage]:
    """Return the messages of a window, each with the embedding of its text."""
    found = []
    for row in await messages_of(recnet, network):
        if row["window_id"] == window:
            module = Module(kind=ModuleKind.ROUTER, owner=row["owner"])
            async with recnet.resources.pool.connection() as conn:
                versions = await read_versions(conn, network, module)
            assert versions[-1].version == row["version"]
            assert versions[-1].window_id == window
            (vector,) = await recnet.resources.encoder.embed([versions[-1].content])
            found.append(
                EquationMessage(row["id"], row["owner"], set(row["attributes"]), np.asarray(vector))
            )
    return found


async def messages_of(recnet: RecNet, network: int) -> list[dict[str, Any]]:
    return await rows(recnet, "SELECT * FROM messages WHERE network_id = %s ORDER BY id", network)


async def buffers(recnet: RecNet, network: int) -> Buffers:
    """Return all buffers, newest message first."""
    found = await rows(
        recnet, "SELECT client_id, messages FROM buffers WHERE network_id = %s", network
    )
    return {row["client_id"]: row["messages"] for row in found}


async def attributes(recnet: RecNet, network: int) -> dict[int, set[int]]:
    """Return the attributes of all clients."""
    async with recnet.resources.pool.connection() as conn:
        return {c: set(a) for c, a in (await read_attributes(conn, network)).items()}


async def embeddings(recnet: RecNet, network: int) -> dict[int, Vector]:
    """Return the embeddings of the stored profiles, made anew by the encoder."""
    async with recnet.resources.pool.connection() as conn:
        ids = [client.id for client in await list_clients(conn, network)]
        clients = await read_clients(conn, network, ids)
    vectors = await recnet.resources.encoder.embed([client.profile for client in clients])
    return {c.id: np.asarray(v) for c, v in zip(clients, vectors, strict=True)}


async def client_kinds(recnet: RecNet, network: int) -> dict[int, ClientKind]:
    async with recnet.resources.pool.connection() as conn:
        return {client.id: client.kind for client in await list_clients(conn, network)}
