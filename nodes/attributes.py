"""Attributes: extract them (Eq. 1), match them to the vocabulary, assign them to routers (Eq. 2),
and summarize routers with them (Eq. 3).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.propagation import route_to_commit
from nodes.step import C, Step, begin_step, window_step
from prompts.attributes import EXTRACT, SUMMARIZE, ExtractFields, SummarizeFields
from prompts.llm.errors import ReplyError
from state.db.pool import Connection
from state.domain import MESSAGE_LENGTH, clean
from state.graphs.context import NetworkContext
from state.graphs.router_update import (
    AssignedAttributes,
    ExtractedAttributes,
    ExtractTask,
    RouterUpdateState,
    SummarizeTask,
    Summary,
)
from state.store.attributes import read_phrases, read_vocabulary
from state.store.clients import read_attributes, read_clients
from state.store.routers import read_routers
from state.vectors import Vector, cosines

_log = logging.getLogger(__name__)

ATTRIBUTES_HELD = 12
"""Attributes one client holds at most."""
ATTRIBUTES_READ = 40
"""Attributes one summary reads at most: the most widely held."""


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
    extracted, restructured = state["extracted"], state["restructured"]
    match = await match_vocabulary(step, {p for e in extracted for p in e.attributes})
    before = await _read_held(step, [e.client for e in extracted])
    async with step.connection() as conn:
        routers = await read_routers(conn, step.network.id)
    retired = {parent for change in restructured for parent in change.parents}
    vectors = {router.id: router.embedding for router in routers if router.id not in retired}
    vectors |= await step.embed_each({change.router: change.profile for change in restructured})
    assigned: dict[int, dict[str, list[int]]] = {}
    for phrase, clients in sorted(find_holders(extracted, match, before).items()):
        router = nearest(match.vectors[phrase], vectors)
        assigned.setdefault(router, {})[phrase] = clients
    return {"assigned": [assign_to(router, held) for router, held in sorted(assigned.items())]}


async def fan_out_summaries(state: RouterUpdateState) -> list[Send]:
    """Send each router with new attributes to its summary; with none go on to the commit."""
    changed = {change.router: change.profile for change in state.get("restructured", [])}
    step = window_step(state["window"])
    return [
        send_summary(step, assigned, changed.get(assigned.router))
        for assigned in state.get("assigned", [])
    ] or [Send(await route_to_commit(state), state)]


def send_summary(step: str, assigned: AssignedAttributes, profile: str | None) -> Send:
    """Send one router with its new attributes to its summary."""
    task = SummarizeTask(
        step=step, router=assigned.router, profile=profile, attributes=assigned.attributes
    )
    return Send("summarize_router", task)


async def summarize_router(state: SummarizeTask, runtime: Runtime[C]) -> RouterUpdateState:
    """Summarize one router, `P_R* = summarize({a}, P_R)`, in one call; a pinned one stays."""
    step = await begin_step(state["step"], runtime)
    profile = state["profile"]
    if profile is None:
        async with step.connection() as conn:
            routers = await read_routers(conn, step.network.id)
        router = next(router for router in routers if router.id == state["router"])
        if router.pinned:
            return {"summaries": []}
        profile = router.profile
    fields = SummarizeFields(router=profile, attributes=state["attributes"][:ATTRIBUTES_READ])
    try:
        profile = (await step.ask(SUMMARIZE, fields)).profile
    except ReplyError as error:
        # One bad reply must not stop the network: the router keeps its text; a new one has none
        # yet, so its text is the list of its attributes.
        _log.warning("%s: router %d was not summarized: %s", step.name, state["router"], error)
        profile = profile or clean(f"{'; '.join(fields.attributes)}.", MESSAGE_LENGTH)
    return {"summaries": [Summary(router=state["router"], profile=profile)]}


def nearest(vector: Vector, others: Mapping[int, Vector]) -> int:
    """Return the id whose unit vector has the largest cosine (Eq. 2); the lowest id in a tie."""
    ids = sorted(others)
    return ids[int(np.argmax(cosines(np.stack([others[i] for i in ids]), vector)))]


def assign_to(router: int, holders: Mapping[str, Sequence[int]]) -> AssignedAttributes:
    """Return the attributes of a router, given their clients; the most widely held first."""
    ordered = sorted(holders.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return AssignedAttributes(
        router=router,
        attributes=tuple(phrase for phrase, _ in ordered),
        contributors=tuple(tuple(sorted(clients)) for _, clients in ordered),
    )


@dataclass(frozen=True, slots=True)
class VocabularyMatch:
    """The vocabulary with the phrases of one step matched to it."""

    canonical: Mapping[str, str]
    """For each phrase that was matched, the attribute it stands for."""
    vectors: Mapping[str, Vector]
    """Unit vectors of all attributes, by phrase."""
    ids: Mapping[str, int]
    """Ids of all attributes; new ones have theirs already and are written at the commit."""
    new: tuple[str, ...]
    """Attributes that the stored vocabulary does not hold, by id."""


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


async def match_vocabulary(step: Step, phrases: Iterable[str]) -> VocabularyMatch:
    """Match each phrase to itself, else to the nearest attribute above the threshold.

    The threshold is the setting `same_attribute`, a cosine. A phrase that is near to none becomes a
    new attribute. Phrases are matched in alphabetical order, so that the outcome does not depend on
    who named them first.
    """
    async with step.connection() as conn:
        known = await read_vocabulary(conn, step.network.id)
    names = list(known.phrases)
    canonical = {name: name for name in names}
    unknown = sorted(set(phrases) - set(names))
    embedded = await step.embed(unknown)
    size = max(known.vectors.shape[1], embedded.shape[1])
    # Double precision from the start: `cosines` would convert all rows for each phrase.
    rows = np.zeros((len(names) + len(unknown), size), dtype=np.float64)
    if names:
        rows[: len(names)] = known.vectors
    for phrase, vector in zip(unknown, embedded, strict=True):
        near = cosines(rows[: len(names)], vector)
        if names and near.max() >= step.network.settings.same_attribute:
            canonical[phrase] = names[int(near.argmax())]
            continue
        canonical[phrase] = phrase
        rows[len(names)] = vector
        names.append(phrase)
    new = tuple(names[len(known.phrases) :])
    start = max(known.ids, default=0) + 1
    vectors = rows[: len(names)].astype(np.float32)
    return VocabularyMatch(
        canonical=canonical,
        vectors=dict(zip(names, vectors, strict=True)),
        ids=dict(zip(names, (*known.ids, *range(start, start + len(new))), strict=True)),
        new=new,
    )


async def _read_held(step: Step, clients: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the stored attributes `A_c` of clients, as phrases."""
    async with step.connection() as conn:
        held = await read_attributes(conn, step.network.id, clients)
        return await read_attribute_phrases(conn, step.network.id, held)


async def read_attribute_phrases(
    conn: Connection, network: int, held: Mapping[int, Sequence[int]]
) -> dict[int, tuple[str, ...]]:
    """Return the attributes of clients or routers as phrases, by owner."""
    ids = sorted({attribute for attributes in held.values() for attribute in attributes})
    phrases = await read_phrases(conn, network, ids)
    return {owner: tuple(phrases[a] for a in attributes) for owner, attributes in held.items()}
