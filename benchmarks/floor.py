"""The least time a training run can take: what waits for what, and how many calls go at once.

Pure: it knows the calls that were made, and nothing of how they were run. Every call takes the
same time, so all lengths here are in calls; seconds are these times the latency.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from state.domain import Frozen

Stages = tuple[int, ...]
"""The calls of one piece of work: those of a stage go at once, after those of the stage before."""


class RecordWork(Frozen):
    """One interaction: merges, prediction, gradients, rewrites. It waits for its clients."""

    clients: frozenset[int]
    stages: Stages


class WindowWork(Frozen):
    """One window: its records in order, then the router update, for which the next one waits."""

    records: tuple[RecordWork, ...]
    update: Stages = ()
    """None where the run ended before the window was full."""

    @property
    def calls(self) -> int:
        """All calls of the window."""
        return sum(self.update) + sum(sum(record.stages) for record in self.records)


def floor(windows: Sequence[WindowWork], limit: int) -> float:
    """Return the longest chain of dependent calls, or all calls over `limit`, if that is more."""
    chain = sum(longest_chain(w.records, depth) + depth(w.update) for w in windows)
    return max(chain, sum(w.calls for w in windows) / limit)


def floor_with_barriers(windows: Sequence[WindowWork], limit: int) -> int:
    """Return the sum of each window's own floor, then its router update's.

    It is tighter: nothing of a window begins before the one before it has ended, so calls that a
    narrow window leaves no room for cannot be made up in a wide one.
    """
    return sum(
        max(
            longest_chain(window.records, lambda stages: in_series(stages, limit)),
            _rounds(sum(sum(record.stages) for record in window.records), limit),
        )
        + in_series(window.update, limit)
        for window in windows
    )


def longest_chain(records: Iterable[RecordWork], length: Callable[[Stages], int]) -> int:
    """Return the longest path over records, each of which waits for those that share a client."""
    ends: dict[int, int] = {}
    for record in records:
        begin = max((ends.get(client, 0) for client in record.clients), default=0)
        ends.update(dict.fromkeys(record.clients, begin + length(record.stages)))
    return max(ends.values(), default=0)


def depth(stages: Stages) -> int:
    """Return the calls one after another where as many as there are may go at once."""
    return sum(calls > 0 for calls in stages)


def in_series(stages: Iterable[int], limit: int) -> int:
    """Return the calls one after another where each stage waits for its slowest."""
    return sum(_rounds(calls, limit) for calls in stages)


def batched_stages(windows: Sequence[WindowWork], size: int) -> list[int]:
    """Return the stages of batches of `size` records, as AgentCF works.

    A batch takes the next records whoever shares a client, so it is another network that comes
    out. The router updates of the windows that end in a batch follow it.
    """
    every = [
        (record, window.update if record is window.records[-1] else ())
        for window in windows
        for record in window.records
    ]
    stages: list[int] = []
    for start in range(0, len(every), size):
        batch = every[start : start + size]
        stages += _together(record.stages for record, _ in batch)
        stages += [calls for _, update in batch for calls in update]
    return stages


def sound_stages(windows: Sequence[WindowWork], size: int) -> list[int]:
    """Return the stages of batches of at most `size` records that leave the network as it is.

    A batch ends before a record that shares a client with it, and where its window ends.
    """
    stages: list[int] = []
    for window in windows:
        for batch in _apart(window.records, size):
            stages += _together(record.stages for record in batch)
        stages += window.update
    return stages


def _apart(records: Iterable[RecordWork], size: int) -> Iterator[list[RecordWork]]:
    batch: list[RecordWork] = []
    met: set[int] = set()
    for record in records:
        if len(batch) == size or met & record.clients:
            yield batch
            batch, met = [], set()
        batch.append(record)
        met |= record.clients
    if batch:
        yield batch


def _together(works: Iterable[Stages]) -> list[int]:
    return [sum(calls) for calls in zip_longest(*works, fillvalue=0)]


def _rounds(calls: int, limit: int) -> int:
    return -(-calls // limit)
