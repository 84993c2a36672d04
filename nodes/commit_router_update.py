"""The commit of one router update: routers, attributes, messages and the window, all at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langgraph.runtime import Runtime

from nodes.merge_on_delivery import embed_merges, write_merges
from nodes.propagation import PROPAGATION_METHODS, outgoing_messages
from nodes.router_changes import plan_router_changes, settle_pending
from nodes.step import Step, begin_step, window_step
from nodes.vocabulary import VocabularyMatch, match_vocabulary, read_attribute_phrases
from state.db.pool import Connection
from state.graphs.context import NetworkContext
from state.graphs.router_update import ExtractedAttributes, RouterChange, RouterUpdateState
from state.store.attributes import add_attributes
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
    """All that an update writes and that can be prepared before its transaction."""

    match: VocabularyMatch
    changes: Sequence[RouterChange]
    vectors: Mapping[int, Vector]
    """Embeddings of the routers, by id."""


async def commit_router_update(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Commit the whole update, and deliver its messages to buffers (Eq. 4, Algorithm 1, line 20).

    It reads what the nodes before it planned, embeds new texts, and calls no model. An update that
    another run has committed writes nothing.
    """
    window = state["window"]
    step = await begin_step(window_step(window), runtime)
    plan, merges = await asyncio.gather(plan_update(step, state), embed_merges(step, state))
    async with step.commit() as conn:
        if window is None or not await close_window(conn, step.network.id, window):
            return {"recipients": 0}
        recipients = await write_update(conn, step, window, state, plan)
        await write_merges(conn, step, window, state, merges)
        await count_recipients(conn, step.network.id, window, len(recipients))
    return {"recipients": len(recipients)}


async def plan_update(step: Step, state: RouterUpdateState) -> UpdatePlan:
    """Return what the update writes; nothing is written yet."""
    found = {p for e in state.get("extracted", []) for p in e.attributes}
    match, (changes, vectors) = await asyncio.gather(
        match_vocabulary(step, found), _plan_routers(step, state)
    )
    return UpdatePlan(match, changes, vectors)


async def _plan_routers(
    step: Step, state: RouterUpdateState
) -> tuple[list[RouterChange], dict[int, Vector]]:
    async with step.connection() as conn:
        routers = await read_routers(conn, step.network.id)
        held = {router.id: router.attributes for router in routers}
        phrases = await read_attribute_phrases(conn, step.network.id, held)
    most = step.network.settings.router_attributes
    changes = plan_router_changes(state, routers, phrases, most)
    vectors = {router.id: router.embedding for router in routers}
    return changes, vectors | await step.embed_each(
        {c.router: c.profile for c in changes if c.texts}
    )


async def write_update(
    conn: Connection, step: Step, window: int, state: RouterUpdateState, plan: UpdatePlan
) -> set[int]:
    """Write routers, attributes, messages and gradients; return the clients that get a message."""
    network, settings = step.network.id, step.network.settings
    await write_extracted(conn, network, state.get("extracted", []), plan.match)
    for change in plan.changes:
        vector = plan.vectors[change.router]
        await write_router_change(conn, network, change, vector, plan.match, window=window)
    versions = {change.router: change.version for change in plan.changes}
    first = await next_message(conn, network)
    outgoing = outgoing_messages(first, state, versions, plan.match.ids)
    await add_messages(conn, network, window, [one.message for one in outgoing])
    method = PROPAGATION_METHODS[settings.propagation]
    deliveries = await method.deliver(conn, step, window, outgoing)
    await push_messages(conn, network, deliveries, settings.buffer_size)
    await _drop_unheld_attributes(conn, network)
    await settle_gradients(conn, network, settle_pending(state, plan.changes))
    return {delivery.client for delivery in deliveries}


async def write_extracted(
    conn: Connection,
    network: int,
    extracted: Sequence[ExtractedAttributes],
    match: VocabularyMatch,
) -> None:
    """Write new attributes to the vocabulary, and to each client the ones found in it now."""
    rows = [(match.ids[phrase], phrase, match.vectors[phrase]) for phrase in match.new]
    await add_attributes(conn, network, rows)
    held = {
        e.client: list(dict.fromkeys(match.ids[match.canonical[p]] for p in e.attributes))
        for e in extracted
    }
    await write_attributes(conn, network, held)


async def write_router_change(
    conn: Connection,
    network: int,
    change: RouterChange,
    vector: Vector,
    match: VocabularyMatch,
    *,
    window: int | None,
) -> None:
    """Write one router with its new versions, and retire its parents."""
    for version, (text, author) in enumerate(change.texts, start=change.base + 1):
        await append_version(conn, network, change.module, version, text, author, window=window)
    attributes = [match.ids[phrase] for phrase in change.attributes]
    await write_router(conn, network, change.router, change.version, attributes, vector)
    for parent in change.parents:
        await retire_router(conn, network, parent, change.router)


async def _drop_unheld_attributes(conn: Connection, network: int) -> None:
    """Remove from the routers the attributes that no client holds any more."""
    clients = await read_attributes(conn, network)
    held = {attribute for attributes in clients.values() for attribute in attributes}
    for router in await read_routers(conn, network):
        kept = [attribute for attribute in router.attributes if attribute in held]
        if len(kept) < len(router.attributes):
            await write_router_attributes(conn, network, router.id, kept)
