"""Turns of clients: an interaction waits for those it will change before it pays for a rewrite."""

from collections.abc import Sequence
from typing import Literal

from langgraph.runtime import Runtime

from nodes.credit import refuse_pinned
from nodes.optimize import usable
from nodes.resources import resources
from nodes.step import Step, begin_step
from prompts.merge import MERGE
from state.checkpoints import thread_of
from state.domain import Client, Reception
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState
from state.pool import Connection
from state.store.clients import read_client_versions, read_clients
from state.store.interactions import find_consumed
from state.store.views import find_view


async def take_turns(state: BackwardState, runtime: Runtime[NetworkContext]) -> BackwardState:
    """Wait until no other run is rewriting these clients, and start from their newest texts.

    The gradients stay those of the snapshot. What moved on since then takes the snapshot's place,
    so that no rewrite is paid for that another commit has outdated.
    """
    step = await begin_step(state["interaction"], runtime)
    network = step.network.id
    names = [f"{network}/client/{client}" for client in sorted(_changing(state))]
    await resources().turns.take(thread_of(network, step.name), names)
    async with resources().pool.connection() as conn:
        stale = await stale_clients(conn, step, state)
        newer = await read_clients(conn, network, sorted(stale)) if stale else []
        views = [await _find_merged(conn, step, state, client) for client in newer]
    return _rebase(state, newer, views) if newer else {}


async def give_turns_back(step: Step) -> None:
    """Let others have the clients of an interaction that has ended."""
    await resources().turns.give_back(thread_of(step.network.id, step.name))


def is_committed(state: BackwardState) -> Literal["take_turns", "__end__"]:
    """Send a commit that met newer texts round again."""
    return "__end__" if state["committed"] else "take_turns"


async def stale_clients(conn: Connection, step: Step, state: BackwardState) -> set[int]:
    """Return the clients that moved on, or whose messages another interaction has consumed."""
    clients = state["clients"]
    versions = await read_client_versions(conn, step.network.id, [c.id for c in clients])
    moved = {c.id for c in clients if versions[c.id] != (c.profile_version, c.filter_version)}
    return moved | await find_consumed(conn, step.network.id, state["receptions"])


def _changing(state: BackwardState) -> set[int]:
    """Return the clients that the commit will change, if nothing fails."""
    received = {reception.client for reception in state["receptions"] if reception.verdicts}
    known = {client.id for client in state["clients"]}
    return received | {g.module.owner for g in state["gradients"] if usable(g)} & known


async def _find_merged(
    conn: Connection, step: Step, state: BackwardState, client: Client
) -> Reception | None:
    """Return the merge of the newer text with the same messages, where another run has paid for it.

    Without it the one that this run paid for would be in vain, and soon the other one too.
    """
    (own,) = (reception for reception in state["receptions"] if reception.client == client.id)
    met = {verdict.message for verdict in own.verdicts}
    if not met or met != {message.id for message in client.messages}:
        return None
    return await find_view(conn, step.network.id, client, resources().caller.fingerprint(MERGE))


def _rebase(
    state: BackwardState, newer: Sequence[Client], views: Sequence[Reception | None]
) -> BackwardState:
    """Return the state on newer snapshots; messages that no view holds stay for another time."""
    clients = {client.id: client for client in state["clients"]}
    receptions = {reception.client: reception for reception in state["receptions"]}
    for client, view in zip(newer, views, strict=True):
        clients[client.id] = client if view else client.model_copy(update={"messages": ()})
        receptions[client.id] = view or Reception(client=client.id, profile=client.profile)
    return {
        "clients": list(clients.values()),
        "receptions": list(receptions.values()),
        "gradients": refuse_pinned(state["gradients"], list(clients.values())),
    }
