"""Claims: which run is at a window's router update, and how one left unfinished finds another.

A commit only claims a window. Whose nodes do the update is settled when they begin, so that a run
that fails, is cancelled or is killed between any two of them leaves a window that others can take.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec

import psycopg
from langgraph.config import get_config
from langgraph.runtime import get_runtime

from nodes.resources import Resources, resources
from nodes.step import Step, begin_step, window_step
from state.db.pool import Connection
from state.db.presence import is_present
from state.errors import DatabaseError, InputError
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterUpdateState
from state.store.planned_records import settle_planned
from state.store.windows import (
    Window,
    add_pending,
    claim_window,
    hold_window,
    open_window,
    release_window,
)

P = ParamSpec("P")


async def join_window(conn: Connection, step: Step, clients: tuple[int, ...]) -> int | None:
    """Add a record's clients to the pending set, and return the window to update from, if any.

    That is the set where it is full now, or an open window that nobody is at. Of the records that
    a training run has planned as one window, the one that settles last claims the set, in the name
    of the last in the stream.
    """
    await add_pending(conn, step.network.id, clients)
    claims = await settle_planned(conn, step.network.id, step.name)
    if claims is None:
        return None
    size = step.network.settings.update_size
    claimed = await claim_window(conn, step.network.id, size, claims)
    if claimed is not None:
        return claimed
    left = await open_window(conn, step.network.id)
    if left is None or not await is_free(conn, step.resources, step.network.id, left):
        return None
    return left.id


async def still_claimed(conn: Connection, step: Step) -> int | None:
    """Return the window that an interaction's commit claimed, while its router update is open."""
    window = await open_window(conn, step.network.id)
    return window.id if window is not None and window.claimed_by == step.name else None


async def is_free(conn: Connection, held: Resources, network: int, window: Window) -> bool:
    """Return whether nobody is at an open window: its run failed, or its process is gone."""
    if window.holder is None:
        return True
    if window.holder == held.presence.shown:
        return not held.at_work.is_at(network)
    return not await is_present(conn, window.holder)


async def leave_window(held: Resources, network: int, runner: str) -> None:
    """Give up the window where this run of this process holds it.

    A database that cannot be reached has dropped the sign of the process anyway.
    """
    sign = held.presence.shown
    if sign is None:
        return
    with suppress(psycopg.Error, DatabaseError):
        async with held.pool.connection() as conn:
            await release_window(conn, network, sign, runner)


def requires_lease(
    node: Callable[P, Awaitable[RouterUpdateState]], *, takes: bool = False
) -> Callable[P, Awaitable[RouterUpdateState]]:
    """Let a node of `router_update` work only for the run that holds the open window.

    The first node `takes` the hold, the others keep it. A run that comes late, because another one
    took its window over, goes through to its end without a call, whatever becomes of the other:
    what it has gathered may be incomplete. A run that fails gives the window up.
    """

    @wraps(node)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> RouterUpdateState:
        state: Any = args[0]
        name = state.get("step") or window_step(state.get("window"))
        step = await begin_step(name, get_runtime(NetworkContext), first=takes)
        runner = _this_run()
        if not await _hold(step, runner, takes=takes):
            return {}
        held = resources()
        try:
            with held.at_work.on(step.network.id):
                return await node(*args, **kwargs)
        except BaseException:
            await asyncio.shield(leave_window(held, step.network.id, runner))
            raise

    return guarded


def _this_run() -> str:
    """Return what tells this run from others: its thread; without one, its place in the graph.

    Raises:
        InputError: `router_update` was run by itself and without a thread.
    """
    place = get_config()["configurable"]
    around, within, _ = place["checkpoint_ns"].partition("|")
    if not (run := place.get("thread_id") or (within and around)):
        raise InputError("router_update needs a thread_id; RecNet.update_routers gives it one")
    return str(run)


async def _hold(step: Step, runner: str, *, takes: bool) -> bool:
    """Return whether this run is at the step's window.

    Where nobody is, the first node takes it, and the others only if nobody was since this run.
    """
    async with resources().pool.connection() as conn:
        window = await open_window(conn, step.network.id)
    if window is None or window_step(window.id) != step.name:
        return False
    if window.holder is not None and (window.holder, window.thread_id) == (
        resources().presence.shown,
        runner,
    ):
        return True
    sign = await resources().presence.sign()
    async with step.commit() as conn:
        window = await open_window(conn, step.network.id)
        if window is None or window_step(window.id) != step.name:
            return False
        if (window.holder, window.thread_id) != (sign, runner):
            mine = takes or window.thread_id == runner
            if not mine or not await is_free(conn, step.resources, step.network.id, window):
                return False
            await hold_window(conn, step.network.id, sign, runner)
    return True
