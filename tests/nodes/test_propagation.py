"""Propagation: by routers, by nobody, and the placebo that sends as much to the wrong ones."""

from collections import Counter

import pytest

from nodes.propagation import POLICIES, by_message, is_echo
from nodes.resources import Resources
from nodes.step import Step
from state.domain import ClientKind
from state.graphs.router_update import Intake
from state.settings import Propagation
from state.store.buffers import NewMessage, add_messages
from state.store.routing import Delivery
from tests.worlds import SHAPE, plant

JAZZ = {1, 2, 7, 8, 9, 10}
METAL = {3, 4, 11, 12, 13, 14}


def intake(router: int, *contributors: tuple[int, ...]) -> Intake:
    attributes = tuple(f"attribute {n}" for n in range(len(contributors)))
    return Intake(router=router, attributes=attributes, contributors=contributors)


async def delivered(
    resources: Resources,
    intakes: dict[int, Intake],
    propagation: Propagation = "routers",
    *,
    window: int = 1,
    echo: bool = False,
    seed: int = 0,
) -> list[Delivery]:
    shape = SHAPE.model_copy(update={"echo": echo, "seed": seed})
    network = await plant(resources, f"window {window} {seed}", shape, tau=-1.0)
    messages = [
        NewMessage(id=number, router=i.router, router_version=1, taken=(i.router,))
        for number, i in intakes.items()
    ]
    async with resources.pool.connection() as conn:
        await add_messages(conn, network.id, window, messages)
        return await POLICIES[propagation](conn, Step(network, "window"), window, intakes)


def recipients(deliveries: list[Delivery]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for delivery in deliveries:
        found.setdefault(delivery.message, set()).add(delivery.client)
    return found


async def test_messages_go_to_those_who_share_what_was_taken_in(resources: Resources) -> None:
    intakes = {1: intake(1, (1, 2)), 2: intake(2, (3, 4))}
    assert recipients(await delivered(resources, intakes)) == {1: JAZZ, 2: METAL}


async def test_a_client_is_not_sent_back_what_only_it_had_said(resources: Resources) -> None:
    intakes = {1: intake(1, (1,), (1,)), 2: intake(2, (3,), (4,))}
    assert recipients(await delivered(resources, intakes)) == {1: JAZZ - {1}, 2: METAL}
    assert recipients(await delivered(resources, intakes, seed=1, echo=True)) == {1: JAZZ, 2: METAL}


@pytest.mark.parametrize(
    ("contributors", "echo"),
    [
        ([(1,)], True),
        ([(1,), (1,)], True),
        ([(1, 2)], False),
        ([(1,), (2,)], False),
        ([(2,)], False),
    ],
)
def test_when_a_message_is_an_echo(contributors: list[tuple[int, ...]], echo: bool) -> None:
    assert is_echo(1, intake(1, *contributors)) is echo


async def test_nobody_hears_where_nothing_is_sent(resources: Resources) -> None:
    assert await delivered(resources, {1: intake(1, (1, 2))}, "none") == []


async def test_a_placebo_sends_as_much_to_as_many_of_each_kind(resources: Resources) -> None:
    intakes = {1: intake(1, (1, 2)), 2: intake(2, (3,)), 3: intake(3, (5, 6))}
    moved = []
    for seed in range(4):
        real = await delivered(resources, intakes, seed=seed)
        placebo = await delivered(resources, intakes, "placebo", seed=seed, window=2)
        for kind in ClientKind:
            mine = [d for d in real if d.kind is kind]
            theirs = [d for d in placebo if d.kind is kind]
            assert {d.client <= 6 for d in theirs} == {kind is ClientKind.USER}
            assert Counter(d.message for d in theirs) == Counter(d.message for d in mine)
            # Who hears how much is permuted, so nobody hears one message twice.
            loads = [sorted(Counter(d.client for d in ds).values()) for ds in (mine, theirs)]
            assert loads[0] == loads[1]
            assert len({(d.client, d.message) for d in theirs}) == len(theirs)
        moved.append(recipients(placebo) != recipients(real))
    assert all(moved)


async def test_a_placebo_is_drawn_anew_for_each_window_and_the_same_for_one(
    resources: Resources,
) -> None:
    intakes = {1: intake(1, (1, 2))}
    drawn = [
        recipients(await delivered(resources, intakes, "placebo", window=w)) for w in range(1, 5)
    ]
    assert len({frozenset(found[1]) for found in drawn}) > 1
    async with resources.pool.connection() as conn:
        await conn.execute("DELETE FROM networks")
    assert recipients(await delivered(resources, intakes, "placebo", window=1)) == drawn[0]


def test_messages_are_numbered_by_router() -> None:
    numbered = by_message(7, [intake(3, (1,)), intake(1, (2,))])
    assert {number: i.router for number, i in numbered.items()} == {7: 1, 8: 3}
