"""Dry run: an update is written and rolled back, to know who gets which messages."""

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
    """Find the recipients of the update, with their buffers as they will be; no model call.

    A client whose profile is pinned is left out: its text may not change, so its messages wait in
    the buffer.
    """
    window = state["window"]
    step = await begin_step(window_step(window), runtime)
    plan = await plan_update(step, state)
    clients: list[Client] = []
    async with step.commit() as conn:
        if window is not None and await close_window(conn, step.network.id, window):
            recipients = await write_update(conn, step, window, state, plan)
            clients = await read_clients(conn, step.network.id, sorted(recipients))
        raise psycopg.Rollback
    return {"recipients_to_merge": [c for c in clients if c.messages and not c.profile_pinned]}
