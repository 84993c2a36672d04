"""Train on a stream of records: window by window, each ended by its router update."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from prompts.llm.errors import BudgetExceeded
from state.errors import NetworkError
from state.graphs.interaction import InteractionOutput
from state.store.clients import list_clients
from state.store.windows import open_window, read_pending, read_plan, write_plan
from workflows.network_lock import VerifyLock
from workflows.training.schedule import Record, chain_lengths, cut_windows, predecessors
from workflows.training.trainer import Trainer

OnSettled = Callable[[Record, InteractionOutput], Awaitable[None]]
RunRecord = Callable[[Record], Coroutine[None, None, bool]]
"""Runs one record; returns False if it was not begun."""


async def train_stream(
    trainer: Trainer,
    records: Sequence[Record],
    verify_lock: VerifyLock,
    *,
    concurrency: int,
    limit: int | None = None,
    on_settled: OnSettled,
) -> None:
    """Learn from records that are not settled; the result is that of running them one by one.

    A router update that an earlier run left open is finished first. A spent budget ends the run.
    The network's lock is verified before each window and each router update.
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
        await verify_lock()
        window = await _plan_window(trainer, left)
        share = window if limit is None else window[:limit]
        whole = await run_window(
            share, run_record, concurrency=concurrency, may_begin=lambda: not budget.spent()
        )
        if not whole or len(share) < len(window):
            return
        await verify_lock()
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
    """Finish a router update that an earlier run left open; refuse if another works on it."""
    await trainer.update_routers()
    async with trainer.resources.pool.connection() as conn:
        if await open_window(conn, trainer.network.id) is not None:
            raise NetworkError(
                "another process is working on a router update of network "
                f"'{trainer.network.name}': try again when it is done"
            )


async def run_window(
    window: Sequence[Record],
    run_record: RunRecord,
    *,
    concurrency: int,
    may_begin: Callable[[], bool] = lambda: True,
) -> bool:
    """Run the records of a window, at most `concurrency` together; return whether all were run.

    Records depend on each other only through the clients they share, so the network is the same as
    one after another. Of those that are ready, the record with the longest chain of dependants
    starts first. No record starts once `may_begin` returns False; those that have started are
    finished. Where one raises, the others are cancelled.
    """
    before = predecessors(window)
    chains = chain_lengths(before)
    order = TopologicalSorter(dict(enumerate(before)))
    order.prepare()
    ready: list[tuple[int, int]] = []
    running: dict[asyncio.Future[bool], int] = {}
    try:
        while order.is_active():
            for number in order.get_ready():
                heappush(ready, (-chains[number], number))
            while ready and len(running) < concurrency and may_begin():
                number = heappop(ready)[1]
                task = asyncio.create_task(run_record(window[number]))
                running[task] = number
            if not running:
                return False
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for one in sorted(ended, key=running.__getitem__):
                number = running.pop(one)
                if one.result():
                    order.done(number)
    finally:
        for one in running:
            one.cancel()
        # Their ends are waited for, and their errors are those of the one that raised first.
        await asyncio.gather(*running, return_exceptions=True)
    return True
