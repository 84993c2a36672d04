"""The calls that a training run made, by record and stage, read from its usage."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.bounds import RecordWork, Stages, WindowWork
from nodes.step import window_step
from prompts.attributes import EXTRACT, SUMMARIZE
from prompts.gradient import GRADIENT
from prompts.merge import MERGE
from prompts.optimize import OPTIMIZE_FILTER_MEMORY, OPTIMIZE_PROFILE, OPTIMIZE_ROUTER
from prompts.predict import PREDICT
from state.db.pool import Connection
from state.errors import RecNetError
from state.store.networks import NetworkRecord
from state.store.usage import read_calls
from workflows.training.schedule import Record, cut_windows

_INTERACTION: Mapping[str, int] = {
    MERGE.name: 0,
    PREDICT.name: 1,
    GRADIENT.name: 2,
    OPTIMIZE_PROFILE.name: 3,
    OPTIMIZE_FILTER_MEMORY.name: 3,
}
"""The stage in which an interaction asks each prompt."""
_UPDATE: Mapping[str, int] = {OPTIMIZE_ROUTER.name: 0, EXTRACT.name: 0, SUMMARIZE.name: 1}
"""The stage in which a router update asks each prompt."""


async def read_calls_of_windows(
    conn: Connection, network: NetworkRecord, records: Sequence[Record]
) -> list[WindowWork]:
    """Return the work of each window that a network has learned from since its bootstrap.

    A call counts once, also where its request had to be made again.

    Raises:
        RecNetError: a call came to nothing, or none was made for a record.
    """
    windows = []
    for number, window in enumerate(cut_windows(records, network.settings.update_size), start=1):
        works = []
        for record in window:
            stages = await _stages(conn, network.id, record.id, _INTERACTION)
            works.append(RecordWork(clients=frozenset(record.clients), stages=stages))
        if not all(sum(work.stages) for work in works):
            raise RecNetError(f"network '{network.name}' has not learned from all of its records")
        update = await _stages(conn, network.id, window_step(number), _UPDATE)
        windows.append(WindowWork(records=tuple(works), update=update))
    return windows


async def _stages(conn: Connection, network: int, step: str, places: Mapping[str, int]) -> Stages:
    calls = await read_calls(conn, network, step)
    if bad := [call for call in calls if call.outcome != "ok"]:
        raise RecNetError(f"{step}: {bad[0].prompt} ended {bad[0].outcome}")
    counted = Counter(places[call.prompt] for call in calls)
    return tuple(counted[stage] for stage in sorted(set(places.values())))
