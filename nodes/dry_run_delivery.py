"""Rehearsal: an update is written and taken back, to know who will hear what."""

import psycopg
from langgraph.runtime import Runtime

from nodes.commit_router_update import plan_update, write_update
from nodes.step import begin_step, window_step
from state.domain import Client
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterUpdateState
from state.store.clients import read_clients
from state.store.windows import close_window


async def dry_run_delivery(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Find the clients that will hear something, with their buffers as they will be.

    A client whose profile is pinned is left out: nothing may change its text, so its messages wait
    and serve the predictions they are read for.
    """
    window = state["window"]
    step = await begin_step(window_step(window), runtime)
    plan = await plan_update(step, state)
    hearers: list[Client] = []
    async with step.commit() as conn:
        if window is not None and await close_window(conn, step.network.id, window):
            recipients = await write_update(conn, step, window, state, plan)
            hearers = await read_clients(conn, step.network.id, sorted(recipients))
        raise psycopg.Rollback
    return {"hearers": [c for c in hearers if c.messages and not c.profile_pinned]}
