"""Reception on delivery: what an update sends is merged before it commits, and not in a buffer.

Who will hear what is known once all is written. So the update is rehearsed: written and taken back.
"""

import logging
from dataclasses import dataclass

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.reception import receive
from nodes.step import Step, begin_step, window_step
from prompts.llm.errors import ReplyError
from state.db.pool import Connection
from state.domain import Client, Module, ModuleKind, Reception
from state.graphs.context import NetworkContext
from state.graphs.interaction import MergeTask
from state.graphs.router_update import RouterUpdateState
from state.store.buffers import consume_messages
from state.store.clients import point_profile, read_clients
from state.store.interactions import add_filter_decisions
from state.store.merged_views import forget_views
from state.store.versions import append_version
from state.vectors import Vector

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Merge:
    """A client as the rehearsal read it, what became of its messages, and the embedding of that."""

    client: Client
    reception: Reception
    vector: Vector | None
    """None where the profile stays as it is."""


async def fan_out_deliveries(state: RouterUpdateState) -> list[Send]:
    """Send each client that will hear something to its merge; with none go on to the commit."""
    step = window_step(state["window"])
    return [
        Send("merge_delivery", MergeTask(step=step, client=client))
        for client in state.get("hearers", [])
    ] or [Send("commit_router_update", state)]


async def merge_delivery(state: MergeTask, runtime: Runtime[NetworkContext]) -> RouterUpdateState:
    """Merge what one client is about to be sent through its rules, as an interaction would."""
    step = await begin_step(state["step"], runtime)
    client = state["client"]
    try:
        return {"merged": [await receive(step, client)]}
    except ReplyError as error:
        # One bad reply must not stop the network: the messages wait for the next interaction.
        _log.warning("%s: client %d keeps its messages: %s", step.name, client.id, error)
        return {"merged": []}


async def embed_merges(step: Step, state: RouterUpdateState) -> list[Merge]:
    """Return the merges by client, each changed profile with its embedding."""
    hearers = {client.id: client for client in state.get("hearers", [])}
    receptions = sorted(state.get("merged", []), key=lambda reception: reception.client)
    changed = [r for r in receptions if r.profile != hearers[r.client].profile]
    vectors: dict[int, Vector] = {}
    if changed:
        embedded = await step.embed([reception.profile for reception in changed])
        for reception, vector in zip(changed, embedded, strict=True):
            vectors[reception.client] = np.asarray(vector, dtype=np.float32)
    return [Merge(hearers[r.client], r, vectors.get(r.client)) for r in receptions]


async def write_merges(conn: Connection, step: Step, window: int, merges: list[Merge]) -> None:
    """Write the merges of clients that are still as they were merged; the messages of others wait.

    The filter_decisions belong to no interaction until the client's next one takes them up.
    """
    network = step.network.id
    now = {c.id: c for c in await read_clients(conn, network, [m.client.id for m in merges])}
    for merge in merges:
        before, reception = merge.client, merge.reception
        if not _is_still(before, now[before.id]):
            _log.info("%s: client %d moved on and keeps its messages", step.name, before.id)
            continue
        if merge.vector is not None:
            version = before.profile_version + 1
            module = Module(kind=ModuleKind.profile_of(before.kind), owner=before.id)
            await append_version(
                conn, network, module, version, reception.profile, "reception", window=window
            )
            await point_profile(conn, network, before.id, version, merge.vector)
        await consume_messages(
            conn, network, before.id, [v.message for v in reception.filter_decisions]
        )
        await add_filter_decisions(conn, network, [reception], window=window)
        await forget_views(conn, network, [before.id])


def _is_still(before: Client, now: Client) -> bool:
    """Return whether a client is at the versions, and has all the messages, that were merged."""
    same = (now.profile_version, now.filter_version) == (
        before.profile_version,
        before.filter_version,
    )
    return same and {m.id for m in before.messages} <= {m.id for m in now.messages}
