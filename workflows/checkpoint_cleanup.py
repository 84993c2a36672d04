"""Delete the checkpoints that finished runs left behind, as those of a killed process do."""

from state.db.checkpoints import checkpointer
from state.db.pool import Pool
from state.domain import Frozen
from state.store.threads import list_threads


class CheckpointCleanup(Frozen):
    """Counts of threads, one for each run of RecNet's own that had checkpoints."""

    deleted: int
    kept: int
    """Of runs that were stopped and can be resumed, and of records that failed."""


async def delete_finished_checkpoints(pool: Pool) -> CheckpointCleanup:
    """Delete the checkpoints of finished runs, and of dropped networks; other runs may go on."""
    async with pool.connection() as conn:
        threads = await list_threads(conn)
    await checkpointer(pool).aprune(threads.finished, strategy="delete")
    return CheckpointCleanup(deleted=len(threads.finished), kept=threads.unfinished)
