"""Run the records of one window concurrently, along their conflict graph.

Within a window records depend on each other only through the clients they share, so the network is
the same as one after another.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from prompts.llm.limiter import URGENCY
from workflows.training.schedule import Record, chain_lengths, predecessors

RunRecord = Callable[[Record], Coroutine[None, None, bool]]
"""Runs one record; returns False if it was not begun."""


async def run_window(
    window: Sequence[Record],
    run_record: RunRecord,
    *,
    concurrency: int,
    may_begin: Callable[[], bool] = lambda: True,
) -> bool:
    """Run the records of a window, at most `concurrency` together.

    Of those that are ready, the one that the longest row of others waits for begins first, and its
    calls pass the limiter first. Nothing is begun any more once `may_begin` says so, and what was
    begun is finished; where one raises, the others are cancelled.

    Returns:
        Whether all records were run.
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
                running[_begin(run_record(window[number]), chains[number])] = number
            if not running:
                return False
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(ended, key=running.__getitem__):
                number = running.pop(task)
                if task.result():
                    order.done(number)
    finally:
        await _cancel(list(running))
    return True


def _begin(running: Coroutine[None, None, bool], urgency: int) -> asyncio.Future[bool]:
    context = copy_context()
    context.run(URGENCY.set, urgency)
    return asyncio.create_task(running, context=context)


async def _cancel(running: Sequence[asyncio.Future[bool]]) -> None:
    for one in running:
        one.cancel()
    # Their ends are waited for, and their errors are those of the one that raised first.
    await asyncio.gather(*running, return_exceptions=True)
