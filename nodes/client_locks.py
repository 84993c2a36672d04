"""Locks of clients: an interaction locks those it will change before it pays for a rewrite.

The lock only saves calls: an interaction that waited in vain goes on without it. That no update is
lost rests on the comparison of versions at the commit.
"""

from collections.abc import Iterable
from typing import Literal

from langgraph.runtime import Runtime

from nodes.assign_credit import reject_pinned
from nodes.resources import resources
from nodes.step import Step, begin_step
from state.db.checkpoints import thread_of
from state.db.locks import WAIT_SECONDS
from state.db.pool import Connection
from state.domain import Client, Reception
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState
from state.store.clients import read_client_versions, read_clients
from state.store.interactions import find_consumed


async def lock_clients(state: BackwardState, runtime: Runtime[NetworkContext]) -> BackwardState:
    """Wait until no other run is rewriting these clients, and start from their newest texts.

    The gradients stay those of the snapshot. What moved on since then takes the snapshot's place,
    so that no rewrite is paid for that another commit has outdated.
    """
    step = await begin_step(state["interaction"], runtime)
    network = step.network.id
    names = [f"{network}/client/{client}" for client in sorted(_changing(state))]
    await resources().locks.try_acquire(thread_of(network, step.name), names, wait=WAIT_SECONDS)
    async with resources().pool.connection() as conn:
        stale = await stale_clients(conn, step, state)
        newer = await read_clients(conn, network, sorted(stale)) if stale else []
    return _rebase(state, newer) if newer else {}


async def unlock_clients(step: Step) -> None:
    """Release the clients of an interaction that has ended."""
    await resources().locks.release(thread_of(step.network.id, step.name))


async def route_after_commit(state: BackwardState) -> Literal["lock_clients", "__end__"]:
    """Send a commit that met newer texts round again."""
    return "__end__" if state["committed"] else "lock_clients"


async def stale_clients(conn: Connection, step: Step, state: BackwardState) -> set[int]:
    """Return the clients that moved on, or whose messages another interaction has consumed."""
    clients = state["clients"]
    versions = await read_client_versions(conn, step.network.id, [c.id for c in clients])
    moved = {c.id for c in clients if versions[c.id] != (c.profile_version, c.filter_version)}
    heard = {
        (client.id, decision.message) for client in clients for decision in client.filter_decisions
    }
    return moved | await find_consumed(conn, step.network.id, state["receptions"], heard)


def _changing(state: BackwardState) -> set[int]:
    """Return the clients that the commit will change, if nothing fails."""
    received = {reception.client for reception in state["receptions"] if reception.filter_decisions}
    known = {client.id for client in state["clients"]}
    return received | {g.module.owner for g in state["gradients"] if g.status == "pending"} & known


def _rebase(state: BackwardState, found: Iterable[Client]) -> BackwardState:
    """Return the state on newer snapshots; their messages stay in the buffer for another time.

    What had been merged before the first snapshot, and belongs to no interaction yet, is kept.
    """
    newer = {client.id: client for client in found}
    clients, receptions = [], []
    for old, reception in zip(state["clients"], state["receptions"], strict=True):
        if (now := newer.get(old.id)) is None:
            clients.append(old)
            receptions.append(reception)
            continue
        left = tuple(
            decision for decision in old.filter_decisions if decision in now.filter_decisions
        )
        cleared = {"messages": (), "merged_on_delivery": (), "filter_decisions": left}
        clients.append(now.model_copy(update=cleared))
        receptions.append(Reception(client=now.id, profile=now.profile, filter_decisions=left))
    return {
        "clients": clients,
        "receptions": receptions,
        "gradients": reject_pinned(state["gradients"], clients),
    }
