"""The commit of one router update: routers, attributes, messages and the window, all at once.

With reception on delivery the messages are merged before the commit, not kept in buffers. The
recipients are known only once the update is written, so a dry run writes it and rolls back.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.attributes import VocabularyMatch, match_vocabulary
from nodes.forward import fan_out_merges, receive
from nodes.propagation import PROPAGATION_METHODS, outgoing_messages
from nodes.restructure_routers import plan_router_changes, read_active_routers, settle_pending
from nodes.step import Step, begin_step, window_step
from prompts.llm.errors import ReplyError
from state.db.pool import Connection
from state.domain import Client
from state.graphs.context import NetworkContext
from state.graphs.interaction import MergeTask
from state.graphs.router_update import ExtractedAttributes, RouterChange, RouterUpdateState
from state.store.attributes import add_attributes
from state.store.buffers import add_messages, consume_messages, next_message, push_messages
from state.store.clients import point_profile, read_attributes, read_clients, write_attributes
from state.store.gradients import settle_gradients
from state.store.interactions import add_filter_decisions
from state.store.merged_views import forget_views
from state.store.routers import (
    read_routers,
    retire_router,
    write_router,
    write_router_attributes,
)
from state.store.versions import append_version
from state.store.windows import close_window, set_recipients
from state.vectors import Vector

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that an update writes and that can be prepared before its transaction."""

    match: VocabularyMatch
    changes: Sequence[RouterChange]
    vectors: Mapping[int, Vector]
    """Embeddings of the routers, by id."""


async def dry_run_delivery(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Find the recipients of the update, with their buffers as they will be; no model call.

    A client whose profile is pinned is left out: its text may not change, so its messages wait in
    the buffer.
    """
    window = state["window"]
    step = await begin_step(window_step(window), runtime)
    plan = await _plan_update(step, state)
    clients: list[Client] = []
    async with step.commit() as conn:
        if window is not None and await close_window(conn, step.network.id, window):
            recipients = await _write_update(conn, step, window, state, plan)
            clients = await read_clients(conn, step.network.id, sorted(recipients))
        raise psycopg.Rollback
    return {"recipients_to_merge": [c for c in clients if c.messages and not c.profile_pinned]}


async def fan_out_deliveries(state: RouterUpdateState) -> list[Send]:
    """Send each recipient to its merge; with none go on to the commit."""
    step, clients = window_step(state["window"]), state.get("recipients_to_merge", [])
    return fan_out_merges("merge_on_delivery", step, clients) or [
        Send("commit_router_update", state)
    ]


async def merge_on_delivery(
    state: MergeTask, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Merge the messages one client is about to be sent (Eq. 5), in one call."""
    step = await begin_step(state["step"], runtime)
    client = state["client"]
    try:
        return {"merged": [await receive(step, client)]}
    except ReplyError as error:
        # One bad reply must not stop the network: the messages wait for the next interaction.
        _log.warning("%s: client %d keeps its messages: %s", step.name, client.id, error)
        return {"merged": []}


async def commit_router_update(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Commit the whole update, and deliver its messages to buffers (Eq. 4, Algorithm 1, line 20).

    It reads what the nodes before it planned, embeds new texts, and calls no model. An update that
    another run has committed writes nothing.
    """
    window = state["window"]
    step = await begin_step(window_step(window), runtime)
    before = {client.id: client.profile for client in state.get("recipients_to_merge", [])}
    merged = sorted(state.get("merged", []), key=lambda reception: reception.client)
    merges = {r.client: r.profile for r in merged if r.profile != before[r.client]}
    plan, vectors = await asyncio.gather(_plan_update(step, state), step.embed_each(merges))
    async with step.commit() as conn:
        if window is None or not await close_window(conn, step.network.id, window):
            return {"recipients": 0}
        recipients = await _write_update(conn, step, window, state, plan)
        await _write_merges(conn, step, window, state, vectors)
        await set_recipients(conn, step.network.id, window, len(recipients))
    return {"recipients": len(recipients)}


async def _plan_update(step: Step, state: RouterUpdateState) -> _Plan:
    found = {p for e in state.get("extracted", []) for p in e.attributes}
    match, (changes, vectors) = await asyncio.gather(
        match_vocabulary(step, found), _plan_routers(step, state)
    )
    return _Plan(match, changes, vectors)


async def _plan_routers(
    step: Step, state: RouterUpdateState
) -> tuple[list[RouterChange], dict[int, Vector]]:
    routers, phrases = await read_active_routers(step)
    most = step.network.settings.router_attributes
    changes = plan_router_changes(state, routers, phrases, most)
    vectors = {router.id: router.embedding for router in routers}
    texts = {change.router: change.profile for change in changes if change.texts}
    return changes, vectors | await step.embed_each(texts)


async def _write_update(
    conn: Connection, step: Step, window: int, state: RouterUpdateState, plan: _Plan
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


async def _write_merges(
    conn: Connection,
    step: Step,
    window: int,
    state: RouterUpdateState,
    vectors: Mapping[int, Vector],
) -> None:
    """Write the merges of clients that are still as they were merged; other messages wait.

    The filter decisions belong to no interaction until the client's next one.
    """
    network = step.network.id
    merged = sorted(state.get("merged", []), key=lambda reception: reception.client)
    clients = {client.id: client for client in state.get("recipients_to_merge", [])}
    current = await read_clients(conn, network, [reception.client for reception in merged])
    for reception, now in zip(merged, current, strict=True):
        before = clients[now.id]
        moved = (now.profile_version, now.filter_version) != (
            before.profile_version,
            before.filter_version,
        )
        if moved or not {m.id for m in before.messages} <= {m.id for m in now.messages}:
            _log.info("%s: client %d moved on and keeps its messages", step.name, now.id)
            continue
        if (vector := vectors.get(now.id)) is not None:
            module, version = before.profile_module, before.profile_version + 1
            await append_version(
                conn, network, module, version, reception.profile, "reception", window=window
            )
            await point_profile(conn, network, now.id, version, vector)
        messages = [decision.message for decision in reception.filter_decisions]
        await consume_messages(conn, network, now.id, messages)
        await add_filter_decisions(conn, network, [reception], window=window)
        await forget_views(conn, network, [now.id])
