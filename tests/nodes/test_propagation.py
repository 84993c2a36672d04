"""Propagation methods: by routers, none, and the placebo with permuted recipients."""

from collections import Counter
from math import cos, radians, sin
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.propagation import PROPAGATION_METHODS, Outgoing, Routers, echo_of, outgoing_messages
from nodes.resources import Resources
from nodes.step import Step
from state.domain import ClientKind, Module
from state.graphs.router_update import AssignedAttributes
from state.settings import Propagation
from state.store.buffers import NewMessage, add_messages
from state.store.clients import point_profile, write_attributes
from state.store.routers import write_router
from state.store.routing import Delivery
from state.vectors import Vector
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny

JAZZ = {1, 2, 7, 8, 9, 10}
METAL = {3, 4, 11, 12, 13, 14}


def assign(router: int, *contributors: tuple[int, ...]) -> AssignedAttributes:
    attributes = tuple(f"attribute {n}" for n in range(len(contributors)))
    return AssignedAttributes(router=router, attributes=attributes, contributors=contributors)


async def delivered(
    resources: Resources,
    assigned: dict[int, AssignedAttributes],
    propagation: Propagation = "routers",
    *,
    window: int = 1,
    echo: bool = False,
    seed: int = 0,
) -> list[Delivery]:
    network_settings = NETWORK_SETTINGS.model_copy(update={"echo": echo, "seed": seed})
    network = await plant_tiny(resources, f"window {window} {seed}", network_settings, tau=-1.0)
    outgoing = [
        Outgoing(
            message=NewMessage(
                id=number, sender=Module.router(i.router), version=1, attributes=(i.router,)
            ),
            echo=echo_of(i),
        )
        for number, i in assigned.items()
    ]
    async with resources.pool.connection() as conn:
        await add_messages(conn, network.id, window, [one.message for one in outgoing])
        return await PROPAGATION_METHODS[propagation].deliver(
            conn, Step(network, "window", resources), window, outgoing
        )


def recipients(deliveries: list[Delivery]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for delivery in deliveries:
        found.setdefault(delivery.message, set()).add(delivery.client)
    return found


async def test_messages_go_to_clients_that_share_a_new_attribute(resources: Resources) -> None:
    assigned = {1: assign(1, (1, 2)), 2: assign(2, (3, 4))}
    assert recipients(await delivered(resources, assigned)) == {1: JAZZ, 2: METAL}


async def test_a_client_is_not_sent_back_what_only_it_had_said(resources: Resources) -> None:
    assigned = {1: assign(1, (1,), (1,)), 2: assign(2, (3,), (4,))}
    assert recipients(await delivered(resources, assigned)) == {1: JAZZ - {1}, 2: METAL}
    echoed = await delivered(resources, assigned, seed=1, echo=True)
    assert recipients(echoed) == {1: JAZZ, 2: METAL}


@pytest.mark.parametrize(
    ("contributors", "echo"),
    [
        ([(1,)], 1),
        ([(1,), (1,)], 1),
        ([(1, 2)], None),
        ([(1,), (2,)], None),
        ([(2,)], 2),
    ],
)
def test_a_message_is_an_echo_to_its_only_contributor(
    contributors: list[tuple[int, ...]], echo: int | None
) -> None:
    assert echo_of(assign(1, *contributors)) == echo


async def test_without_propagation_nothing_is_delivered(resources: Resources) -> None:
    assert await delivered(resources, {1: assign(1, (1, 2))}, "none") == []


async def test_a_placebo_sends_as_much_to_as_many_of_each_kind(resources: Resources) -> None:
    assigned = {1: assign(1, (1, 2)), 2: assign(2, (3,)), 3: assign(3, (5, 6))}
    moved = []
    for seed in range(4):
        real = await delivered(resources, assigned, seed=seed)
        placebo = await delivered(resources, assigned, "placebo", seed=seed, window=2)
        for kind in ClientKind:
            mine = [d for d in real if d.kind is kind]
            theirs = [d for d in placebo if d.kind is kind]
            assert {d.client <= 6 for d in theirs} == {kind is ClientKind.USER}
            assert Counter(d.message for d in theirs) == Counter(d.message for d in mine)
            # Recipients are permuted, so nobody gets one message twice.
            loads = [sorted(Counter(d.client for d in ds).values()) for ds in (mine, theirs)]
            assert loads[0] == loads[1]
            assert len({(d.client, d.message) for d in theirs}) == len(theirs)
        moved.append(recipients(placebo) != recipients(real))
    assert all(moved)


async def test_a_placebo_is_drawn_anew_for_each_window_and_the_same_for_one(
    resources: Resources,
) -> None:
    assigned = {1: assign(1, (1, 2))}
    drawn = [
        recipients(await delivered(resources, assigned, "placebo", window=w)) for w in range(1, 5)
    ]
    assert len({frozenset(found[1]) for found in drawn}) > 1
    async with resources.pool.connection() as conn:
        await conn.execute("DELETE FROM networks")
    assert recipients(await delivered(resources, assigned, "placebo", window=1)) == drawn[0]


def test_messages_are_numbered_by_router() -> None:
    assigned = [assign(3, (1,)), assign(1, (2,))]
    numbered = outgoing_messages(7, {"assigned": assigned}, {1: 4, 3: 2}, {"attribute 0": 9})
    assert [(one.message.id, one.message.sender, one.message.version) for one in numbered] == [
        (7, Module.router(1), 4),
        (8, Module.router(3), 2),
    ]


class Circle(NamedTuple):
    """A world on a circle: each embedding is a direction in degrees."""

    clients: dict[int, tuple[int, set[int]]]
    """Direction and attributes; 1 to 3 are users, 7 to 9 items."""
    routers: dict[int, int]
    new: dict[int, dict[int, set[int]]]
    """By router: its new attributes, with the clients in which each is new."""
    tau: tuple[float, float]
    echo: bool

    def expected(self) -> dict[tuple[int, int], float]:
        """Return the recipients of each router, with the cosine."""
        found = {}
        for router, found_in in self.new.items():
            for client, (direction, attributes) in self.clients.items():
                cosine = cos(radians(direction - self.routers[router]))
                near = cosine > self.tau[client > 6]
                alone = not any(clients - {client} for clients in found_in.values())
                if near and attributes & set(found_in) and (self.echo or not alone):
                    found[router, client] = cosine
        return found


CLIENTS = st.sampled_from([1, 2, 3, 7, 8, 9])
DIRECTIONS = st.integers(0, 11).map(lambda hour: 30 * hour)
ATTRIBUTES = st.integers(1, 4)
CONTRIBUTORS = st.one_of(st.just({1}), st.sets(CLIENTS, min_size=1, max_size=2))
TAU = st.sampled_from([-2.0, -0.9, -0.6, -0.2, 0.2, 0.6, 0.9])  # between the cosines of 30 degrees
CIRCLES = st.builds(
    Circle,
    clients=st.dictionaries(CLIENTS, st.tuples(DIRECTIONS, st.sets(ATTRIBUTES)), min_size=1),
    routers=st.fixed_dictionaries(dict.fromkeys((1, 2, 3), DIRECTIONS)),
    new=st.dictionaries(
        st.integers(1, 3), st.dictionaries(ATTRIBUTES, CONTRIBUTORS, min_size=1), min_size=1
    ),
    tau=st.tuples(TAU, TAU),
    echo=st.booleans(),
)


def pointing(direction: int) -> Vector:
    return np.array([cos(radians(direction)), sin(radians(direction))], dtype=np.float32)


@given(world=CIRCLES)
async def test_all_that_equation_4_gives_is_sent_but_echoes(
    resources: Resources, world: Circle
) -> None:
    if "tiny" not in resources.networks:
        resources.networks["tiny"] = await plant_tiny(resources)
    planted = resources.networks["tiny"]
    network = planted.model_copy(
        update={
            "stored_settings": NETWORK_SETTINGS.model_copy(update={"echo": world.echo}),
            "tau_user": world.tau[0],
            "tau_item": world.tau[1],
        }
    )
    assigned = {
        10 * router: AssignedAttributes(
            router=router,
            attributes=tuple(map(str, found_in)),
            contributors=tuple(tuple(sorted(clients)) for clients in found_in.values()),
        )
        for router, found_in in world.new.items()
    }
    outgoing = [
        Outgoing(
            message=NewMessage(
                id=10 * number,
                sender=Module.router(number),
                version=1,
                attributes=tuple(found_in),
            ),
            echo=echo_of(assigned[10 * number]),
        )
        for number, found_in in world.new.items()
    ]
    async with resources.pool.connection() as conn, conn.transaction(force_rollback=True):
        async with conn.pipeline():
            await conn.execute("DELETE FROM client_vectors")
            for client, (direction, _) in world.clients.items():
                await point_profile(conn, network.id, client, 1, pointing(direction))
            for router, direction in world.routers.items():
                await write_router(conn, network.id, router, 1, [], pointing(direction))
        held = {client: sorted(attributes) for client, (_, attributes) in world.clients.items()}
        await write_attributes(conn, network.id, held)
        await add_messages(conn, network.id, 1, [one.message for one in outgoing])
        deliveries = await Routers().deliver(conn, Step(network, "window", resources), 1, outgoing)
    found = {(d.message // 10, d.client): d.cosine for d in deliveries}
    assert len(found) == len(deliveries)
    assert found == pytest.approx(world.expected(), abs=1e-6)
