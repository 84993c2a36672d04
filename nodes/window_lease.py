"""The window lease: which run works on the router update of an open window.

A commit only claims a window. The lease is taken when the update begins: an advisory lock of the
process, and the run's thread id in the window's row. A lease that nobody works on is free, because
its run failed, was cancelled between two nodes, or its process died; another run then takes it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec

from langgraph.config import get_config
from langgraph.runtime import get_runtime

from nodes.resources import resources
from nodes.step import Step, begin_step, window_step
from state.db.locks import Locks, lock_holder
from state.db.pool import Connection
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterUpdateState
from state.store.windows import (
    Window,
    add_pending,
    claim_window,
    open_window,
    set_window_thread,
    settle_planned,
)

P = ParamSpec("P")

PAUSE_SECONDS = 10.0
"""How long a run may take between two nodes; after that it counts as stopped between them."""


async def join_window(conn: Connection, step: Step, clients: tuple[int, ...]) -> int | None:
    """Add a record's clients to the pending set, and return the window to update from, if any.

    That is the pending set if it is full now, or an open window whose lease is free. Of the records
    that a training run has planned as one window, the one that settles last claims the set, in the
    name of the last in the stream.
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
    if left is None or not await is_lease_free(conn, step.network.id, left):
        return None
    return left.id


async def still_claimed(conn: Connection, step: Step) -> int | None:
    """Return the window that an interaction's commit claimed, while its router update is open."""
    window = await open_window(conn, step.network.id)
    return window.id if window is not None and window.claimed_by == step.name else None


async def is_lease_free(conn: Connection, network: int, window: Window) -> bool:
    """Return whether no run of any process works on an open window."""
    return await lock_holder(conn, lease_name(network, window.id)) is None


def lease_name(network: int, window: int) -> str:
    """Return the name of the lock behind the lease of a window."""
    return f"{network}/{window_step(window)}"


async def release_lease(locks: Locks, run: str) -> None:
    """Release the lease that a run holds, if it holds one."""
    await locks.release(_owner(run))


def requires_lease(
    node: Callable[P, Awaitable[RouterUpdateState]], *, takes: bool = False
) -> Callable[P, Awaitable[RouterUpdateState]]:
    """Let a node of `router_update` work only for the run that holds the window's lease.

    The first node `takes` the lease, the others keep it. A run that comes late, because another one
    took its window over, goes through to its end without a call, whatever becomes of the other:
    what it has gathered may be incomplete. A run that fails releases the lease.
    """

    @wraps(node)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> RouterUpdateState:
        state: Any = args[0]
        name = state.get("step") or window_step(state.get("window"))
        step = await begin_step(name, get_runtime(NetworkContext), first=takes)
        run, locks = _this_run(), resources().locks
        if not await _acquire(step, run, takes=takes):
            return {}
        try:
            with locks.keep(_owner(run), PAUSE_SECONDS):
                return await node(*args, **kwargs)
        except BaseException:
            await asyncio.shield(release_lease(locks, run))
            raise

    return guarded


def _owner(run: str) -> str:
    return f"lease of {run}"


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


async def _acquire(step: Step, run: str, *, takes: bool) -> bool:
    """Return whether this run holds the lease of the step's window now.

    The first node takes a lease that is free; the others do only where no other run had it since.
    """

    async def own_window() -> Window | None:
        async with step.connection() as conn:
            window = await open_window(conn, step.network.id)
        if window is None or window_step(window.id) != step.name:
            return None
        return window if takes or window.thread_id == run else None

    locks = step.resources.locks
    # Looked at before too: a late run must not have the lock for a moment in which another asks.
    if (window := await own_window()) is None:
        return False
    name = lease_name(step.network.id, window.id)
    if not await locks.acquire(_owner(run), [name], wait=0, keep=PAUSE_SECONDS):
        return False
    if (window := await own_window()) is None:
        await release_lease(locks, run)
        return False
    if window.thread_id != run:  # only who has the lock writes it
        async with step.connection() as conn:
            await set_window_thread(conn, step.network.id, window.id, run)
    return True
