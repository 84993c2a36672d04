"""Buffers, newest first and bounded, each message consumed once: against plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.resources import Resources
from state.db.pool import Connection
from state.domain import Client, ClientKind, FilterDecision, Frozen, Module, ModuleKind, Reception
from state.store.buffers import (
    NewMessage,
    add_messages,
    consume_messages,
    next_message,
    push_messages,
)
from state.store.clients import read_clients
from state.store.interactions import (
    Interaction,
    add_filter_decisions,
    find_consumed,
    write_interaction,
)
from state.store.routing import Delivery
from state.store.versions import append_version
from tests.support.tiny_network import plant_tiny, push

CLIENTS = (1, 2, 7)
ROUTERS = (1, 2, 3)
VERSIONS = (1, 2, 3)


async def held(conn: Connection, network: int, client: int) -> list[int]:
    (read,) = await read_clients(conn, network, [client])
    return [message.id for message in read.messages]


async def planted(resources: Resources) -> int:
    """Return the one network of a test, whose examples take back what they do."""
    if "tiny" not in resources.networks:
        network = await plant_tiny(resources)
        async with resources.pool.connection() as conn:
            for router in ROUTERS:
                module = Module(kind=ModuleKind.ROUTER, owner=router)
                for version in VERSIONS[1:]:
                    await append_version(conn, network.id, module, version, "Later.", "summary")
        resources.networks["tiny"] = network
    return resources.networks["tiny"].id


class SentMessage(Frozen):
    """A message about to be sent, with the cosine by which each client hears it."""

    router: int
    version: int = 1
    to: dict[int, float]


async def deliver(
    conn: Connection, network: int, sent: Sequence[SentMessage], capacity: int
) -> dict[int, SentMessage]:
    """Send the messages of one update; return them by their ids."""
    first = await next_message(conn, network)
    messages = dict(enumerate(sent, start=first))
    await add_messages(
        conn,
        network,
        1,
        [
            NewMessage(id=number, sender=Module.router(m.router), version=m.version)
            for number, m in messages.items()
        ],
    )
    deliveries = [
        Delivery(client=client, kind=ClientKind.USER, message=number, cosine=cosine)
        for number, m in messages.items()
        for client, cosine in m.to.items()
    ]
    await push_messages(conn, network, deliveries, capacity)
    return messages


@dataclass
class Plain:
    """What a buffer is meant to be: (message, router), newest first."""

    capacity: int
    held: list[tuple[int, int]] = field(default_factory=list)

    def push(self, heard: dict[int, SentMessage], client: int) -> None:
        news: dict[int, tuple[float, int]] = {}
        for message in sorted(heard):  # so that a router's newest stays
            if client in heard[message].to:
                news[heard[message].router] = (heard[message].to[client], message)
        nearest = sorted(news, key=lambda router: news[router], reverse=True)
        older = [entry for entry in self.held if entry[1] not in news]
        self.held = ([(news[router][1], router) for router in nearest] + older)[: self.capacity]

    def consume(self, messages: list[int]) -> None:
        self.held = [entry for entry in self.held if entry[0] not in messages]


SENT = st.builds(
    SentMessage,
    router=st.sampled_from(ROUTERS),
    version=st.sampled_from(VERSIONS),
    to=st.dictionaries(st.sampled_from(CLIENTS), st.sampled_from([-0.3, 0.2, 0.5, 0.9])),
)
UPDATE = st.lists(SENT, max_size=5)


class Consume(NamedTuple):
    """Take messages out of a client's buffer; some are not in it."""

    client: int
    messages: list[int]


CONSUME = st.builds(Consume, st.sampled_from(CLIENTS), st.lists(st.integers(-1, 20), max_size=6))


@given(steps=st.lists(st.one_of(UPDATE, CONSUME), max_size=8), capacity=st.integers(1, 4))
async def test_buffers_behave_like_plain_lists(
    resources: Resources, steps: list[list[SentMessage] | Consume], capacity: int
) -> None:
    network = await planted(resources)
    async with resources.pool.connection() as conn, conn.transaction(force_rollback=True):
        plain = {client: Plain(capacity) for client in CLIENTS}
        for step in steps:
            if isinstance(step, Consume):
                await consume_messages(conn, network, step.client, step.messages)
                plain[step.client].consume(step.messages)
            else:
                messages = await deliver(conn, network, step, capacity)
                for client in CLIENTS:
                    plain[client].push(messages, client)
            for read in await read_clients(conn, network, CLIENTS):
                now = [(message.id, message.sender.owner) for message in read.messages]
                assert now == plain[read.id].held
                assert len({router for _, router in now}) == len(now) <= capacity


def receptions_of(snapshot: list[Client]) -> list[Reception]:
    """Return receptions that took in all that the clients' buffers held when they were read."""
    return [
        Reception(
            client=client.id,
            profile=client.profile,
            filter_decisions=tuple(
                FilterDecision(message=m.id, sender=m.sender, version=m.version, accepted=True)
                for m in client.messages
            ),
        )
        for client in snapshot
    ]


async def settle(conn: Connection, network: int, name: str, snapshot: list[Client]) -> set[int]:
    """Do what a commit does about messages; return the clients whose messages were gone."""
    receptions = receptions_of(snapshot)
    record = Interaction(
        id=name, user_id=1, positive_id=2, negative_id=7, predicted_id=2, reward=1,
        reason="", failure="",
    )  # fmt: skip
    await write_interaction(conn, network, record)
    gone = await find_consumed(conn, network, receptions, ())
    if gone:
        with pytest.raises(psycopg.errors.UniqueViolation):  # as if nobody had looked
            async with conn.transaction():
                await add_filter_decisions(conn, network, receptions, interaction=name)
        return gone
    for reception in receptions:
        ids = [decision.message for decision in reception.filter_decisions]
        await consume_messages(conn, network, reception.client, ids)
    await add_filter_decisions(conn, network, receptions, interaction=name)
    return gone


class Turn(NamedTuple):
    """One of two interactions reads its clients, or settles what it has read: late, or twice."""

    interaction: str
    settles: bool


TURN = st.builds(Turn, st.sampled_from(["this", "the other"]), st.booleans())


@given(steps=st.lists(st.one_of(UPDATE, CONSUME, TURN, TURN), max_size=10))
async def test_what_a_client_consumed_never_comes_back_and_is_not_consumed_again(
    resources: Resources, steps: list[list[SentMessage] | Consume | Turn]
) -> None:
    network = await planted(resources)
    async with resources.pool.connection() as conn, conn.transaction(force_rollback=True):
        read: dict[str, list[Client]] = {}
        gone: set[tuple[int, int]] = set()
        settled: set[tuple[int, int]] = set()
        for number, step in enumerate(steps):
            if isinstance(step, Consume):
                await consume_messages(conn, network, step.client, step.messages)
                sent = range(1, await next_message(conn, network))
                gone |= {(step.client, message) for message in step.messages if message in sent}
            elif isinstance(step, list):
                await deliver(conn, network, step, 3)
            elif not step.settles:
                read[step.interaction] = await read_clients(conn, network, CLIENTS)
            else:
                snapshot = read.get(step.interaction, [])
                pairs = {(c.id, m.id) for c in snapshot for m in c.messages}
                refused = await settle(conn, network, f"i:{number}", snapshot)
                assert refused == {client for client, _ in pairs & settled}
                if not refused:
                    settled |= pairs
            for client in await read_clients(conn, network, CLIENTS):
                buffer = {(client.id, message.id) for message in client.messages}
                assert not buffer & (gone | settled)


async def test_the_newest_message_lies_on_top_and_the_oldest_falls_out(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        ids: list[int] = []
        for router in ROUTERS:
            ids += await deliver(conn, network, [SentMessage(router=router, to={1: 0.5})], 2)
        assert await held(conn, network, 1) == [ids[2], ids[1]]


async def test_of_one_update_the_nearest_router_lies_on_top(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        cosines = zip(ROUTERS, (0.2, 0.9, 0.5), strict=True)
        sent = [SentMessage(router=router, to={1: cosine}) for router, cosine in cosines]
        far, near, middle = await deliver(conn, network, sent, 6)
        assert await held(conn, network, 1) == [near, middle, far]


async def test_a_newer_message_of_a_router_takes_the_place_of_its_older_one(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    old = await push(resources, network, 1, 1, 7)
    other = await push(resources, network, 2, 1)
    new = await push(resources, network, 1, 1)
    async with resources.pool.connection() as conn:
        assert await held(conn, network, 1) == [new, other]
        assert await held(conn, network, 7) == [old]  # it was not sent the newer one


async def test_messages_are_consumed_by_id_once(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    first = await push(resources, network, 1, 1, 2)
    second = await push(resources, network, 2, 1)
    async with resources.pool.connection() as conn:
        for _ in range(2):
            await consume_messages(conn, network, 1, [first, 99])
            assert await held(conn, network, 1) == [second]
        assert await held(conn, network, 2) == [first]
        await consume_messages(conn, network, 1, [])
        assert await held(conn, network, 1) == [second]
