"""Claims: which run finishes a window, and how a window left unfinished finds another one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec, TypeVar

import psycopg
from langgraph.runtime import get_runtime

from nodes.resources import resources
from nodes.step import Step
from state.errors import DatabaseError
from state.graphs.context import NetworkContext
from state.pool import Connection
from state.presence import is_present
from state.store.interactions import Interaction, mark_claim
from state.store.windows import (
    Window,
    add_pending,
    claim_window,
    hold_window,
    open_window,
    release_window,
)

P = ParamSpec("P")
R = TypeVar("R")


async def join_window(conn: Connection, step: Step, clients: tuple[int, ...]) -> int | None:
    """Add a record's clients to the pending set, and claim what waits for a router update.

    That is the set where it is full now, or a window that another run left unfinished.
    """
    network = step.network.id
    await add_pending(conn, network, clients)
    window = await claim_window(conn, network, step.network.shape.update_size)
    if window is None:
        left = await take_window(conn, network, step.name)
        return None if left is None else left.id
    await mark_claim(conn, network, step.name, window)
    await hold_window(conn, network, await resources().presence.sign(), step.name)
    return window


async def take_window(conn: Connection, network: int, runner: str | None = None) -> Window | None:
    """Take over the open window where its run failed or its process is gone.

    The caller holds the network's lock, so of two runs one takes it.

    Args:
        conn: inside a commit.
        network: the network's id.
        runner: the step whose run goes on with it; the one that left it where None.

    Returns:
        The window as it was left; None where none is open, or somebody is at it.
    """
    window = await open_window(conn, network)
    if window is None or (window.holder is not None and await is_present(conn, window.holder)):
        return None
    sign = await resources().presence.sign()
    await hold_window(conn, network, sign, runner or window.runner)
    return window


async def still_claimed(conn: Connection, step: Step, settled: Interaction) -> int | None:
    """Return the window an interaction's commit claimed, while it is this run that finishes it."""
    window = await open_window(conn, step.network.id)
    if window is None or window.id != settled.window_id:
        return None
    presence = resources().presence
    mine = window.runner == step.name and window.holder == await presence.sign()
    return window.id if mine or await take_window(conn, step.network.id, step.name) else None


async def leave_window(network: int, runner: str | None = None) -> None:
    """Give up the window that this process holds, by this run where one is named.

    The next run may take it over at once; without this, a server that lives on would hold the
    window of a run that failed. A database that cannot be reached has dropped the sign anyway.
    """
    presence = resources().presence
    if not presence.is_shown:
        return
    with suppress(psycopg.Error, DatabaseError):
        async with resources().pool.connection() as conn:
            await release_window(conn, network, await presence.sign(), runner)


def leaves_window(node: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a node of `router_update` give up its window where it fails or is cancelled."""

    @wraps(node)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await node(*args, **kwargs)
        except BaseException:
            network = resources().networks.get(get_runtime(NetworkContext).context.network)
            if network is not None:
                await asyncio.shield(leave_window(network.id))
            raise

    return guarded
