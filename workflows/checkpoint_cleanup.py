"""Collection: checkpoints that nobody needs, of runs that ended before or died on the way."""

import psycopg

from nodes.step import BOOTSTRAP, WINDOW
from state.db.checkpoints import (
    Stored,
    checkpointer,
    measure_checkpoints,
    step_of,
    vacuum_checkpoints,
)
from state.db.pool import Pool
from state.domain import Frozen
from state.store.threads import sort_threads
from workflows import bootstrap, interaction, router_update
from workflows.recnet import RecNet
from workflows.runs import Graph, is_finished, read_thread

_MET = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
"""What is raised where a run, or another collection, is on a thread."""


class Collected(Frozen):
    """What was deleted, what stayed, and what the tables held before and after."""

    deleted: int
    """Threads of our own."""
    kept: tuple[str, ...]
    """Threads of our own that a run is on, or that one will go on from."""
    server: tuple[str, ...]
    """Threads of the Agent Server."""
    pruned: int
    """How many of these were cut down to their last state now."""
    before: dict[str, Stored]
    after: dict[str, Stored]


async def collect(recnet: RecNet, *, server: bool = False, full: bool = False) -> Collected:
    """Delete the checkpoints of our own runs on which nothing is left to do, and vacuum.

    Runs may go on meanwhile.

    Args:
        recnet: the open façade.
        server: cut the threads of the Agent Server down to their last state too.
        full: give all free space back to the disk; runs wait while the tables are written anew.
    """
    pool = recnet.resources.pool
    async with pool.connection() as conn:
        before = await measure_checkpoints(conn)
        threads = await sort_threads(conn)
    await checkpointer(pool).aprune(threads.settled, strategy="delete")
    kept = [thread for thread in threads.open if not await _delete_ended(pool, thread)]
    pruned = [thread for thread in threads.foreign if server and await _prune(pool, thread)]
    async with pool.connection() as conn:
        await vacuum_checkpoints(conn, full=full)
        after = await measure_checkpoints(conn)
    return Collected(
        deleted=len(threads.settled) + len(threads.open) - len(kept),
        kept=tuple(kept),
        server=threads.foreign,
        pruned=len(pruned),
        before=before,
        after=after,
    )


async def _delete_ended(pool: Pool, thread: str) -> bool:
    """Delete a thread whose run ended or has begun nothing; return whether it did.

    It is looked at and deleted in one snapshot, so what a run that begins meanwhile saves is
    neither seen nor deleted.
    """
    graph = _graph_of(step_of(thread))
    try:
        async with pool.connection() as conn, conn.transaction():
            await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            saver = checkpointer(conn)
            over = is_finished(graph, await read_thread(graph, thread, saver))
            if over:
                await saver.adelete_thread(thread)
    except _MET:
        return False
    return over


def _graph_of(step: str) -> Graph:
    if step == BOOTSTRAP:
        return bootstrap.graph
    return router_update.graph if step.startswith(WINDOW) else interaction.graph


async def _prune(pool: Pool, thread: str) -> bool:
    try:
        await checkpointer(pool).aprune([thread])
    except _MET:
        return False
    return True
