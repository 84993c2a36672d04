"""The commit of one router update: routers, attributes, messages and the window, all at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from langgraph.runtime import Runtime

from nodes.merge_on_delivery import embed_merges, write_merges
from nodes.propagation import PROPAGATION_METHODS, outgoing_messages
from nodes.resources import resources
from nodes.router_changes import RouterChange, plan_changes, settle_feedback
from nodes.step import Step, begin_step, window_step
from nodes.vocabulary import Lexicon, look_up
from state.db.pool import Connection
from state.domain import Module, ModuleKind
from state.graphs.context import NetworkContext
from state.graphs.router_update import ExtractedAttributes, RouterUpdateState
from state.store.attributes import add_attributes, read_phrases
from state.store.buffers import add_messages, next_message, push_messages
from state.store.clients import read_attributes, write_attributes
from state.store.gradients import settle_gradients
from state.store.routers import (
    read_routers,
    retire_router,
    write_router,
    write_router_attributes,
)
from state.store.versions import append_version
from state.store.windows import close_window, count_recipients
from state.vectors import Vector


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """All that an update writes and that can be made before its transaction."""

    lexicon: Lexicon
    changes: Sequence[RouterChange]
    vectors: Mapping[int, Vector]
    """Embeddings of the routers that change, by id."""


async def commit_router_update(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Score all clients (Eq. 4), deliver to their buffers, and commit the whole update."""
    window = state["window"]
    step = await begin_step(window_step(window), runtime)
    plan, merges = await asyncio.gather(plan_update(step, state), embed_merges(step, state))
    async with step.commit() as conn:
        if window is None or not await close_window(conn, step.network.id, window):
            return {"recipients": 0}
        recipients = await write_update(conn, step, window, state, plan)
        await write_merges(conn, step, window, merges)
        await count_recipients(conn, step.network.id, window, len(recipients))
    return {"recipients": len(recipients)}


async def plan_update(step: Step, state: RouterUpdateState) -> UpdatePlan:
    """Return what the update writes; nothing is written yet."""
    named = {p for e in state.get("extracted", []) for p in e.attributes}
    lexicon, (changes, vectors) = await asyncio.gather(look_up(step, named), _plan(step, state))
    return UpdatePlan(lexicon, changes, vectors)


async def write_update(
    conn: Connection, step: Step, window: int, state: RouterUpdateState, plan: UpdatePlan
) -> set[int]:
    """Write routers, attributes, messages and gradients; return the clients that hear something."""
    await write_clients(conn, step, state.get("extracted", []), plan.lexicon)
    for change in plan.changes:
        await write_change(conn, step, window, change, plan.vectors[change.router], plan.lexicon)
    recipients = await _multicast(conn, step, window, state, plan)
    await _forget_unheld(conn, step)
    await settle_gradients(conn, step.network.id, settle_feedback(state, plan.changes))
    return recipients


async def write_clients(
    conn: Connection, step: Step, extracted: Sequence[ExtractedAttributes], lexicon: Lexicon
) -> None:
    """Write new attributes to the vocabulary and `A_c ← A_t` to the clients."""
    rows = [(lexicon.ids[phrase], phrase, lexicon.vectors[phrase]) for phrase in lexicon.new]
    await add_attributes(conn, step.network.id, rows)
    held = {
        e.client: list(dict.fromkeys(lexicon.ids[lexicon.canonical[p]] for p in e.attributes))
        for e in extracted
    }
    await write_attributes(conn, step.network.id, held)


async def write_change(
    conn: Connection,
    step: Step,
    window: int | None,
    change: RouterChange,
    vector: Vector,
    lexicon: Lexicon,
) -> None:
    """Write one router with its new versions, and retire the routers it takes the place of."""
    module = Module(kind=ModuleKind.ROUTER, owner=change.router)
    for version, (content, author) in enumerate(change.texts, start=change.base + 1):
        await append_version(conn, step.network.id, module, version, content, author, window=window)
    attributes = [lexicon.ids[phrase] for phrase in change.attributes]
    await write_router(conn, step.network.id, change.router, change.version, attributes, vector)
    for parent in change.parents:
        await retire_router(conn, step.network.id, parent, change.router)


async def _plan(
    step: Step, state: RouterUpdateState
) -> tuple[list[RouterChange], dict[int, Vector]]:
    """Return the routers that change, with the embeddings of their last texts."""
    async with resources().pool.connection() as conn:
        routers = await read_routers(conn, step.network.id)
        held = sorted({a for router in routers for a in router.attributes})
        phrases = await read_phrases(conn, step.network.id, held)
    changes = plan_changes(state, routers, phrases, step.network.settings.router_attributes)
    vectors = {router.id: router.embedding for router in routers}
    written = [change for change in changes if change.texts]
    if written:
        embedded = await step.embed([change.texts[-1][0] for change in written])
        for change, vector in zip(written, embedded, strict=True):
            vectors[change.router] = np.asarray(vector, dtype=np.float32)
    return changes, vectors


async def _multicast(
    conn: Connection, step: Step, window: int, state: RouterUpdateState, plan: UpdatePlan
) -> set[int]:
    """Send what routers, or clients for themselves, have to say; return the clients that hear."""
    network, network_settings = step.network.id, step.network.settings
    versions = {change.router: change.version for change in plan.changes}
    first = await next_message(conn, network)
    outgoing = outgoing_messages(first, state, versions, plan.lexicon.ids)
    await add_messages(conn, network, window, [one.message for one in outgoing])
    deliveries = await PROPAGATION_METHODS[network_settings.propagation](
        conn, step, window, outgoing
    )
    await push_messages(conn, network, deliveries, network_settings.buffer)
    return {delivery.client for delivery in deliveries}


async def _forget_unheld(conn: Connection, step: Step) -> None:
    """Take from the routers what no client holds any more (decision 6)."""
    clients: Mapping[int, Sequence[int]] = await read_attributes(conn, step.network.id)
    held = {attribute for attributes in clients.values() for attribute in attributes}
    for router in await read_routers(conn, step.network.id):
        kept = [attribute for attribute in router.attributes if attribute in held]
        if len(kept) < len(router.attributes):
            await write_router_attributes(conn, step.network.id, router.id, kept)
