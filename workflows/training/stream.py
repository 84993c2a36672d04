"""Train on a stream of records: window by window, each ended by its router update."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from prompts.llm.errors import BudgetExceeded
from state.errors import NetworkError
from state.graphs.interaction import InteractionOutput
from state.store.clients import list_clients
from state.store.planned_records import read_plan, write_plan
from state.store.windows import open_window, read_pending
from workflows.network_lock import NetworkLock
from workflows.training.schedule import Record, cut_windows
from workflows.training.trainer import Trainer
from workflows.training.window import run_window

OnSettled = Callable[[Record, InteractionOutput], Awaitable[None]]


async def train_stream(
    trainer: Trainer,
    records: Sequence[Record],
    lock: NetworkLock,
    *,
    concurrency: int,
    limit: int | None = None,
    on_settled: OnSettled,
) -> None:
    """Learn from records that are not settled; the result is that of running them one by one.

    A router update that an earlier run left open is finished first. A spent budget ends the run.

    Args:
        trainer: the training graph on its network.
        records: the records in order.
        lock: the network's lock, verified before each window and each router update.
        concurrency: interactions that run at the same time, at most.
        limit: records to run, at most.
        on_settled: called with each record and its outcome.

    Raises:
        NetworkError: another process is working on a router update of the network.
        psycopg.OperationalError: the network's lock was lost.
    """
    budget = trainer.resources.budget
    if not budget.spent():
        await _finish_update(trainer)
    async with trainer.resources.pool.connection() as conn:
        keys = {client.id: client.key for client in await list_clients(conn, trainer.network.id)}

    async def run_record(record: Record) -> bool:
        try:
            out = await trainer.interact(
                keys[record.user], keys[record.positive], keys[record.negative], record.id
            )
        except BudgetExceeded:
            if budget.spent():  # by other records, before this one began
                return False
            raise
        await on_settled(record, out)
        return True

    left = {record.id: record for record in records}
    while left:
        await lock.verify()
        window = await _plan_window(trainer, left)
        share = window if limit is None else window[:limit]
        whole = await run_window(
            share, run_record, concurrency=concurrency, may_begin=lambda: not budget.spent()
        )
        if not whole or len(share) < len(window):
            return
        await lock.verify()
        await trainer.update_routers()
        limit = None if limit is None else limit - len(window)
        for record in window:
            del left[record.id]


async def _plan_window(trainer: Trainer, left: Mapping[str, Record]) -> list[Record]:
    """Return the next window; one that was begun keeps the records it was planned with."""
    async with trainer.resources.pool.connection() as conn, conn.transaction():
        planned = await read_plan(conn, trainer.network.id)
        if planned and left.keys() >= set(planned):
            return [left[one] for one in planned]
        pending = await read_pending(conn, trainer.network.id)
        window = next(cut_windows(left.values(), trainer.network.settings.update_size, pending))
        await write_plan(conn, trainer.network.id, [record.id for record in window])
    return window


async def _finish_update(trainer: Trainer) -> None:
    """Finish a router update that an earlier run left open.

    Raises:
        NetworkError: another process is working on it.
    """
    await trainer.update_routers()
    async with trainer.resources.pool.connection() as conn:
        if await open_window(conn, trainer.network.id) is not None:
            raise NetworkError(
                "another process is working on a router update of network "
                f"'{trainer.network.name}': try again when it is done"
            )
