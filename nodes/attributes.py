"""Extract attributes of changed clients (Eq. 1), and assign new ones to routers (Eq. 2)."""

import logging
from collections.abc import Mapping, Sequence

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.gather_gradients import nearest, route_to_commit
from nodes.step import C, Step, begin_step, window_step
from nodes.vocabulary import VocabularyMatch, match_vocabulary, read_attribute_phrases
from prompts.extract import EXTRACT, ExtractFields
from prompts.llm.errors import ReplyError
from state.graphs.context import NetworkContext
from state.graphs.router_update import (
    AssignedAttributes,
    ExtractedAttributes,
    ExtractTask,
    RouterChange,
    RouterUpdateState,
    SummarizeTask,
)
from state.store.clients import read_attributes, read_clients
from state.store.routers import Router, read_routers
from state.vectors import Vector

_log = logging.getLogger(__name__)

ATTRIBUTES_HELD = 12
"""Attributes one client holds at most."""


async def extract_attributes(state: ExtractTask, runtime: Runtime[C]) -> RouterUpdateState:
    """Extract the attributes of one client from its stored profile (Eq. 1), in one call."""
    step = await begin_step(state["step"], runtime)
    async with step.connection() as conn:
        (client,) = await read_clients(conn, step.network.id, [state["client"]])
    attributes: tuple[str, ...] = ()
    if client.profile:
        try:
            reply = await step.ask(EXTRACT, ExtractFields(kind=client.kind, profile=client.profile))
            attributes = tuple(reply.attributes[:ATTRIBUTES_HELD])
        except ReplyError as error:
            # One client's bad reply must not stop the network: it keeps the attributes it had.
            _log.warning("%s: client %d keeps its attributes: %s", step.name, client.id, error)
            attributes = (await _read_held(step, [client.id])).get(client.id, ())
    return {"extracted": [ExtractedAttributes(client=client.id, attributes=attributes)]}


async def assign_attributes(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Assign each attribute that is new in a client to its nearest router (Eq. 2); no model call.

    New (`A_t`) is what extraction finds now and the client did not hold before.
    """
    step = await begin_step(window_step(state["window"]), runtime)
    extracted = state["extracted"]
    match = await match_vocabulary(step, {p for e in extracted for p in e.attributes})
    before = await _read_held(step, [e.client for e in extracted])
    async with step.connection() as conn:
        routers = await read_routers(conn, step.network.id)
    vectors = await _router_vectors(step, routers, state["restructured"])
    assigned: dict[int, dict[str, list[int]]] = {}
    for phrase, clients in sorted(find_holders(extracted, match, before).items()):
        router = nearest(match.vectors[phrase], vectors)
        assigned.setdefault(router, {})[phrase] = clients
    return {"assigned": [assign_to(router, held) for router, held in sorted(assigned.items())]}


async def fan_out_summaries(state: RouterUpdateState) -> list[Send]:
    """Send each router with new attributes to its summary; with none go on to the commit."""
    changed = {change.router: change.profile for change in state.get("restructured", [])}
    return [
        Send(
            "summarize_router",
            SummarizeTask(
                step=window_step(state["window"]),
                router=assigned.router,
                profile=changed.get(assigned.router),
                attributes=assigned.attributes,
            ),
        )
        for assigned in state.get("assigned", [])
    ] or [Send(await route_to_commit(state), state)]


def assign_to(router: int, holders: Mapping[str, Sequence[int]]) -> AssignedAttributes:
    """Return the attributes of a router, given their clients; the most widely held first."""
    ordered = sorted(holders.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return AssignedAttributes(
        router=router,
        attributes=tuple(phrase for phrase, _ in ordered),
        contributors=tuple(tuple(sorted(clients)) for _, clients in ordered),
    )


def find_holders(
    extracted: Sequence[ExtractedAttributes],
    match: VocabularyMatch,
    before: Mapping[int, Sequence[str]],
) -> dict[str, list[int]]:
    """Return the clients that hold each attribute now and did not `before`."""
    holders: dict[str, list[int]] = {}
    for entry in sorted(extracted, key=lambda entry: entry.client):
        for phrase in dict.fromkeys(match.canonical[p] for p in entry.attributes):
            if phrase not in before.get(entry.client, ()):
                holders.setdefault(phrase, []).append(entry.client)
    return holders


async def _router_vectors(
    step: Step, routers: Sequence[Router], restructured: Sequence[RouterChange]
) -> dict[int, Vector]:
    """Return the embeddings of the active routers, with the restructured ones in place."""
    retired = {parent for change in restructured for parent in change.parents}
    vectors = {router.id: router.embedding for router in routers if router.id not in retired}
    return vectors | await step.embed_each({c.router: c.profile for c in restructured})


async def _read_held(step: Step, clients: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the stored attributes `A_c` of clients, as phrases."""
    async with step.connection() as conn:
        held = await read_attributes(conn, step.network.id, clients)
        return await read_attribute_phrases(conn, step.network.id, held)
