"""Attributes: extracted from changed clients, and assigned to their nearest router (Eq. 2)."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.gather_gradients import nearest, route_to_commit
from nodes.resources import resources
from nodes.step import C, Step, begin_step, window_step
from nodes.vocabulary import Lexicon, look_up
from prompts.extract import EXTRACT, ExtractFields
from prompts.llm.errors import ReplyError
from state.graphs.context import NetworkContext
from state.graphs.router_update import (
    ExtractedAttributes,
    ExtractTask,
    Intake,
    RouterDraft,
    RouterUpdateState,
    SummarizeTask,
)
from state.store.attributes import read_phrases
from state.store.clients import read_attributes, read_clients
from state.store.routers import Router, read_routers
from state.vectors import Vector

_log = logging.getLogger(__name__)

ATTRIBUTES_HELD = 12
"""Attributes one client holds at most."""


async def extract_attributes(state: ExtractTask, runtime: Runtime[C]) -> RouterUpdateState:
    """Extract the attributes of one client from its profile as it is now (`A_t`)."""
    step = await begin_step(state["step"], runtime)
    async with resources().pool.connection() as conn:
        (client,) = await read_clients(conn, step.network.id, [state["client"]])
    if not client.profile:
        return {"extracted": [ExtractedAttributes(client=client.id, attributes=())]}
    try:
        reply = await step.ask(EXTRACT, ExtractFields(kind=client.kind, profile=client.profile))
        attributes = tuple(reply.attributes[:ATTRIBUTES_HELD])
    except ReplyError as error:
        # One client's bad reply must not stop the network: it keeps what it had.
        _log.warning("%s: client %d keeps its attributes: %s", step.name, client.id, error)
        attributes = await _held(step, client.id)
    return {"extracted": [ExtractedAttributes(client=client.id, attributes=attributes)]}


async def assign_attributes(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Assign each attribute that is new in a client to its nearest router (Eq. 2).

    New is what extraction finds now and `A_c` did not hold (decision 6).
    """
    step = await begin_step(window_step(state["window"]), runtime)
    lexicon = await look_up(step, {p for e in state["extracted"] for p in e.attributes})
    fresh = await _fresh(step, state["extracted"], lexicon)
    async with resources().pool.connection() as conn:
        routers = await read_routers(conn, step.network.id)
    vectors = await current_vectors(step, routers, state["drafts"])
    holders: dict[int, dict[str, tuple[int, ...]]] = {}
    for phrase in sorted(fresh):
        router = nearest(lexicon.vectors[phrase], vectors)
        holders.setdefault(router, {})[phrase] = fresh[phrase]
    return {"intakes": [intake_of(router, held) for router, held in sorted(holders.items())]}


async def _held(step: Step, client: int) -> tuple[str, ...]:
    async with resources().pool.connection() as conn:
        held = (await read_attributes(conn, step.network.id, [client])).get(client, [])
        phrases = await read_phrases(conn, step.network.id, held)
    return tuple(phrases[attribute] for attribute in held)


async def fan_out_summaries(state: RouterUpdateState) -> list[Send]:
    """Send each router that took attributes in to its summary; with none go on to the commit."""
    texts = {draft.router: draft.profile for draft in state.get("drafts", [])}
    return [
        Send(
            "summarize_router",
            SummarizeTask(
                step=window_step(state["window"]),
                router=intake.router,
                profile=texts.get(intake.router),
                attributes=intake.attributes,
            ),
        )
        for intake in state.get("intakes", [])
    ] or [Send(await route_to_commit(state), state)]


def intake_of(router: int, holders: Mapping[str, Sequence[int]]) -> Intake:
    """Return what a router takes in, the most widely held first."""
    ordered = sorted(holders.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return Intake(
        router=router,
        attributes=tuple(phrase for phrase, _ in ordered),
        contributors=tuple(tuple(sorted(clients)) for _, clients in ordered),
    )


async def current_vectors(
    step: Step, routers: Sequence[Router], drafts: Sequence[RouterDraft]
) -> dict[int, Vector]:
    """Return the embeddings of the active routers with the drafts in place."""
    gone = {parent for draft in drafts for parent in draft.parents}
    vectors = {router.id: router.embedding for router in routers if router.id not in gone}
    if drafts:
        embedded = await step.embed([draft.profile for draft in drafts])
        for draft, vector in zip(drafts, embedded, strict=True):
            vectors[draft.router] = np.asarray(vector, dtype=np.float32)
    return vectors


async def _fresh(
    step: Step, extracted: Sequence[ExtractedAttributes], lexicon: Lexicon
) -> dict[str, tuple[int, ...]]:
    """Return the attributes that are new in some client, with the clients they are new in."""
    async with resources().pool.connection() as conn:
        held = await read_attributes(conn, step.network.id, [e.client for e in extracted])
        phrases = await read_phrases(
            conn, step.network.id, sorted({a for ids in held.values() for a in ids})
        )
    fresh: dict[str, list[int]] = {}
    for entry in sorted(extracted, key=lambda e: e.client):
        before = {phrases[a] for a in held.get(entry.client, [])}
        for phrase in dict.fromkeys(lexicon.canonical[p] for p in entry.attributes):
            if phrase not in before:
                fresh.setdefault(phrase, []).append(entry.client)
    return {phrase: tuple(clients) for phrase, clients in fresh.items()}
