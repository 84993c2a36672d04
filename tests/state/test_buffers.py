"""Buffers, newest first and bounded, against a list in plain Python."""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.resources import Resources
from state.domain import ClientKind
from state.pool import Connection
from state.store.buffers import (
    NewMessage,
    add_messages,
    consume_messages,
    next_message,
    push_messages,
)
from state.store.clients import read_clients
from state.store.routing import Delivery
from tests.worlds import plant, send

CLIENTS = (1, 2, 7)
ROUTERS = (1, 2, 3)
CAPACITY = 2


async def held(conn: Connection, network: int, client: int) -> list[int]:
    (read,) = await read_clients(conn, network, [client])
    return [message.id for message in read.messages]


async def empty_buffers(resources: Resources) -> int:
    """Return a network whose buffers are empty: Hypothesis runs many examples on one."""
    async with resources.pool.connection() as conn:
        cursor = await conn.execute("UPDATE buffers SET messages = '{}' RETURNING network_id")
        row = await cursor.fetchone()
    return (await plant(resources)).id if row is None else int(row["network_id"])


async def deliver(
    conn: Connection, network: int, cosines: dict[tuple[int, int], float], capacity: int
) -> dict[int, int]:
    """Send one message for each router named in (client, router) pairs; return ids by router."""
    routers = sorted({router for _, router in cosines})
    first = await next_message(conn, network)
    ids = {router: number for number, router in enumerate(routers, start=first)}
    messages = [NewMessage(id=i, router=r, router_version=1, taken=()) for r, i in ids.items()]
    await add_messages(conn, network, 1, messages)
    deliveries = [
        Delivery(client=client, kind=ClientKind.USER, message=ids[router], cosine=cosine)
        for (client, router), cosine in cosines.items()
    ]
    await push_messages(conn, network, deliveries, capacity)
    return ids


@dataclass
class Plain:
    """What a buffer is meant to be: (message, router), newest first."""

    held: list[tuple[int, int]] = field(default_factory=list)

    def push(self, news: list[tuple[int, int]]) -> None:
        routers = {router for _, router in news}
        older = [entry for entry in self.held if entry[1] not in routers]
        self.held = (news + older)[:CAPACITY]

    def consume(self, messages: list[int]) -> None:
        self.held = [entry for entry in self.held if entry[0] not in messages]


PAIRS = st.dictionaries(
    st.tuples(st.sampled_from(CLIENTS), st.sampled_from(ROUTERS)),
    st.sampled_from([0.2, 0.5, 0.9]),
    max_size=9,
)
CONSUMED = st.tuples(st.sampled_from(CLIENTS), st.lists(st.integers(-3, 3), max_size=3))
"""A client, and which messages counted from the newest one; some are not in its buffer."""


@given(steps=st.lists(st.one_of(PAIRS, CONSUMED), max_size=12))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_buffers_behave_like_plain_lists(
    resources: Resources,
    steps: list[dict[tuple[int, int], float] | tuple[int, list[int]]],
) -> None:
    async with resources.pool.connection() as conn:
        network = await empty_buffers(resources)
        plain = {client: Plain() for client in CLIENTS}
        newest = 0
        for step in steps:
            if isinstance(step, dict):
                ids = await deliver(conn, network, step, CAPACITY)
                newest = max([newest, *ids.values()])
                for client in CLIENTS:
                    heard = [(-c, -ids[r], r) for (at, r), c in step.items() if at == client]
                    plain[client].push([(-minus, r) for _, minus, r in sorted(heard)])
            else:
                client, places = step
                messages = [newest - place for place in places]
                await consume_messages(conn, network, client, messages)
                plain[client].consume(messages)
            for client in CLIENTS:
                assert await held(conn, network, client) == [m for m, _ in plain[client].held]


async def test_the_newest_message_lies_on_top_and_the_oldest_falls_out(
    resources: Resources,
) -> None:
    network = (await plant(resources)).id
    async with resources.pool.connection() as conn:
        ids = [(await deliver(conn, network, {(1, r): 0.5}, 2))[r] for r in ROUTERS]
        assert await held(conn, network, 1) == [ids[2], ids[1]]


async def test_of_one_update_the_nearest_router_lies_on_top(resources: Resources) -> None:
    network = (await plant(resources)).id
    async with resources.pool.connection() as conn:
        ids = await deliver(conn, network, {(1, 1): 0.2, (1, 2): 0.9, (1, 3): 0.5}, 6)
        assert await held(conn, network, 1) == [ids[2], ids[3], ids[1]]


async def test_a_newer_message_of_a_router_takes_the_place_of_its_older_one(
    resources: Resources,
) -> None:
    network = (await plant(resources)).id
    old = await send(resources, network, 1, 1, 7)
    other = await send(resources, network, 2, 1)
    new = await send(resources, network, 1, 1)
    async with resources.pool.connection() as conn:
        assert await held(conn, network, 1) == [new, other]
        assert await held(conn, network, 7) == [old]  # it was not sent the newer one


async def test_messages_are_consumed_by_id_once(resources: Resources) -> None:
    network = (await plant(resources)).id
    first = await send(resources, network, 1, 1, 2)
    second = await send(resources, network, 2, 1)
    async with resources.pool.connection() as conn:
        for _ in range(2):
            await consume_messages(conn, network, 1, [first, 99])
            assert await held(conn, network, 1) == [second]
        assert await held(conn, network, 2) == [first]
        await consume_messages(conn, network, 1, [])
        assert await held(conn, network, 1) == [second]
