"""Eq. 4 in the database against Eq. 4 in numpy: exactly the same clients hear."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from nodes.resources import Resources
from state.db.pool import Connection
from state.domain import ClientKind, Module
from state.store.buffers import NewMessage, add_messages
from state.store.clients import point_profile, write_attributes
from state.store.networks import find_network, write_tau
from state.store.routers import write_router
from state.store.routing import Delivery, score_clients
from state.vectors import Vector
from tests.support.tiny_network import load_tiny
from workflows.recnet import RecNet

USERS, CLIENTS, ROUTERS, WINDOW = 6, 18, 4, 7


@dataclass
class RandomNetwork:
    """Vectors and attributes at random; a client without a vector, one without attributes."""

    clients: dict[int, Vector]
    attributes: dict[int, list[int]]
    routers: dict[int, Vector]
    taken: dict[int, list[int]]

    @classmethod
    def drawn(cls, rng: Generator) -> "RandomNetwork":
        def unit() -> Vector:
            vector = rng.normal(size=5)
            return (vector / np.linalg.norm(vector)).astype(np.float32)

        def some() -> list[int]:
            return sorted(rng.choice(12, size=rng.integers(0, 5), replace=False).tolist())

        clients = range(1, CLIENTS + 1)
        world = cls(
            clients={c: unit() for c in clients},
            attributes={c: some() for c in clients},
            routers={r: unit() for r in range(1, ROUTERS + 1)},
            taken={r: some() or [1] for r in range(1, ROUTERS + 1)},
        )
        world.attributes[2] = []
        del world.clients[3]
        return world

    async def store(self, conn: Connection, network: int, tau: tuple[float, float]) -> None:
        await write_tau(conn, network, *tau)
        for client, vector in self.clients.items():
            await point_profile(conn, network, client, 1, vector)
        await write_attributes(conn, network, self.attributes)
        for router, vector in self.routers.items():
            await write_router(conn, network, router, 1, [], vector)
        messages = [
            NewMessage(id=10 + r, sender=Module.router(r), version=1, attributes=tuple(taken))
            for r, taken in self.taken.items()
        ]
        await add_messages(conn, network, WINDOW, messages)
        # The same messages in another window are another update's affair.
        others = [m.model_copy(update={"id": m.id + 100}) for m in messages]
        await add_messages(conn, network, WINDOW + 1, others)

    def hears(self, tau: tuple[float, float]) -> dict[tuple[int, int], float]:
        """Return `I(A_R ∩ A_c ≠ ∅) · cos(e_R, e_c) > τ` for all pairs, with the cosine."""
        heard = {}
        for router, taken in self.taken.items():
            for client, vector in self.clients.items():
                cosine = float(np.dot(vector.astype(float), self.routers[router].astype(float)))
                threshold = tau[0] if client <= USERS else tau[1]
                assert abs(cosine - threshold) > 1e-5, "too close to call in single precision"
                if set(taken) & set(self.attributes[client]) and cosine > threshold:
                    heard[10 + router, client] = cosine
        return heard


async def score(resources: Resources) -> list[Delivery]:
    async with resources.pool.connection() as conn:
        return await score_clients(conn, await find_network(conn, "tiny"), WINDOW)


@pytest.mark.parametrize("tau", [(-1.0, -1.0), (0.3, -0.2), (-0.2, 0.3), (0.7, 0.7), (1.0, 1.0)])
@pytest.mark.parametrize("seed", range(3))
async def test_exactly_the_clients_of_equation_4_hear(
    recnet: RecNet, seed: int, tau: tuple[float, float]
) -> None:
    network = await load_tiny(recnet)
    world = RandomNetwork.drawn(default_rng(seed))
    async with recnet.resources.pool.connection() as conn, conn.transaction():
        await world.store(conn, network, tau)
    deliveries = await score(recnet.resources)
    found = {(d.message, d.client): d.cosine for d in deliveries}
    assert found == pytest.approx(world.hears(tau), abs=1e-6)
    assert list(found) == sorted(found)
    assert all((d.kind is ClientKind.USER) == (d.client <= USERS) for d in deliveries)
    assert not {2, 3} & {d.client for d in deliveries}


def test_the_worlds_are_neither_silent_nor_loud() -> None:
    for seed in range(3):
        heard = RandomNetwork.drawn(default_rng(seed)).hears((0.3, -0.2))
        assert 5 < len(heard) < 30


async def test_a_cosine_must_exceed_tau(recnet: RecNet) -> None:
    network = await load_tiny(recnet)
    direction = np.array([1, 0], dtype=np.float32)
    at_half = np.array([0.5, np.sqrt(0.75)], dtype=np.float32)
    async with recnet.resources.pool.connection() as conn:
        await point_profile(conn, network, 1, 1, at_half)
        await point_profile(conn, network, 7, 1, direction)
        await write_attributes(conn, network, {1: [5], 7: [5, 6]})
        await write_router(conn, network, 1, 1, [], direction)
        message = NewMessage(id=1, sender=Module.router(1), version=1, attributes=(5,))
        await add_messages(conn, network, WINDOW, [message])
        heard = {}
        for tau in (0.49, 0.5, 0.99, 1.0):
            await write_tau(conn, network, tau, tau)
            heard[tau] = [d.client for d in await score(recnet.resources)]
    assert heard == {0.49: [1, 7], 0.5: [7], 0.99: [7], 1.0: []}


async def test_a_window_without_messages_reaches_nobody(recnet: RecNet) -> None:
    network = await load_tiny(recnet)
    async with recnet.resources.pool.connection() as conn:
        await write_tau(conn, network, -1, -1)
    assert await score(recnet.resources) == []
