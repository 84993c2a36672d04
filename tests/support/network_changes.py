"""A network with rows in every table that the digest reads, and one change of each kind to it."""

from collections.abc import Awaitable, Callable

import numpy as np

from nodes.resources import Resources
from state.db.pool import Connection
from state.domain import FilterDecision, Gradient, Module, ModuleKind, Reception
from state.store.attributes import add_attributes
from state.store.buffers import consume_messages
from state.store.clients import point_filter, write_attributes
from state.store.gradients import add_gradients, settle_gradients
from state.store.interactions import Interaction, add_filter_decisions, write_interaction
from state.store.routers import retire_router, write_router_attributes
from state.store.versions import append_version, pin_module
from state.store.windows import add_pending, claim_window, close_window, set_recipients
from tests.support.tiny_network import plant_tiny, push

Change = Callable[[Connection, int], Awaitable[None]]

PENDING = Gradient(
    interaction="i:1", module=Module.router(2), version=1, reward=1, suggestion="Say riffs."
)


async def new_version(conn: Connection, network: int) -> None:
    module = Module(kind=ModuleKind.ITEM_PROFILE, owner=7)
    await append_version(conn, network, module, 2, "text", "gradient", interaction="i:1")


async def other_author(conn: Connection, network: int) -> None:
    await conn.execute(
        "UPDATE module_versions SET author = 'merge' WHERE network_id = %s AND owner = 7",
        (network,),
    )


async def filter_pointer(conn: Connection, network: int) -> None:
    await point_filter(conn, network, 1, 9)


async def vocabulary(conn: Connection, network: int) -> None:
    await add_attributes(conn, network, [(4, "polka", np.ones(256, dtype=np.float32))])


async def client_attributes(conn: Connection, network: int) -> None:
    await write_attributes(conn, network, {1: [2]})


async def router_attributes(conn: Connection, network: int) -> None:
    await write_router_attributes(conn, network, 1, [2])


async def lineage(conn: Connection, network: int) -> None:
    await retire_router(conn, network, 1, 3)


async def consumed(conn: Connection, network: int) -> None:
    await consume_messages(conn, network, 1, [1])


async def reward(conn: Connection, network: int) -> None:
    await conn.execute("UPDATE interactions SET reward = 0 WHERE network_id = %s", (network,))


async def new_record(conn: Connection, network: int) -> None:
    await write_interaction(conn, network, settled_record("i:2"))


async def claim(conn: Connection, network: int) -> None:
    await conn.execute("UPDATE windows SET claimed_by = 'i:1' WHERE network_id = %s", (network,))


async def filter_decision(conn: Connection, network: int) -> None:
    await conn.execute(
        "UPDATE filter_decisions SET accepted = false WHERE network_id = %s", (network,)
    )


async def gradient(conn: Connection, network: int) -> None:
    applied = {"status": "applied", "applied_to": 2, "applied_version": 2}
    await settle_gradients(conn, network, [PENDING.model_copy(update=applied)])


async def pending(conn: Connection, network: int) -> None:
    await add_pending(conn, network, [5])


async def window(conn: Connection, network: int) -> None:
    await close_window(conn, network, 1)


async def recipients(conn: Connection, network: int) -> None:
    await set_recipients(conn, network, 1, 3)


async def pinned_rules(conn: Connection, network: int) -> None:
    module = Module(kind=ModuleKind.FILTER_MEMORY, owner=1)
    await pin_module(conn, network, module, pinned=True)


async def pinned_router(conn: Connection, network: int) -> None:
    await pin_module(conn, network, Module(kind=ModuleKind.ROUTER, owner=1), pinned=True)


async def by_hand(conn: Connection, network: int) -> None:
    module = Module(kind=ModuleKind.ROUTER, owner=1)
    await append_version(conn, network, module, 2, "text", "edit", note="by ear")


CHANGES: tuple[Change, ...] = (
    vocabulary, new_version, other_author, filter_pointer, client_attributes, router_attributes,
    lineage, consumed, reward, new_record, claim, filter_decision, gradient, pending, window,
    recipients, pinned_rules, pinned_router, by_hand,
)  # fmt: skip


def settled_record(id: str) -> Interaction:  # noqa: A002 - its name there
    """Return a record that was learned from."""
    return Interaction(
        id=id, user_id=1, positive_id=8, negative_id=11, predicted_id=8, reward=1, reason="Jazz.",
        failure="",
    )  # fmt: skip


async def lived_in(resources: Resources, name: str = "tiny") -> int:
    """Return a network with something of everything that a digest covers."""
    network = (await plant_tiny(resources, name)).id
    message = await push(resources, network, 2, 1, 7)
    taken = FilterDecision(
        message=message, sender=Module.router(2), version=1, accepted=True, reason="new"
    )
    async with resources.pool.connection() as conn, conn.transaction():
        await write_interaction(conn, network, settled_record("i:1"))
        await add_filter_decisions(
            conn,
            network,
            [Reception(client=1, profile="p", filter_decisions=(taken,))],
            interaction="i:1",
        )
        await add_gradients(conn, network, [PENDING])
        await add_pending(conn, network, [1, 8, 11])
        await claim_window(conn, network, 3)
        await add_pending(conn, network, [2])
    return network
