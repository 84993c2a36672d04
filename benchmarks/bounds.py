"""Lower bounds of the time of a training run, from the calls that it made.

Every call takes the same time, so lengths are in calls; seconds are these times the latency.
"""

from collections.abc import Callable, Iterable, Sequence

from state.domain import Frozen

Stages = tuple[int, ...]
"""Calls by stage: those of one stage run together, after those of the stage before."""


class RecordWork(Frozen):
    """One interaction: merges, prediction, gradients, rewrites. It waits for its clients."""

    clients: frozenset[int]
    stages: Stages


class WindowWork(Frozen):
    """One window: its records in order, then the router update, for which the next one waits."""

    records: tuple[RecordWork, ...]
    update: Stages = ()
    """Empty where the run ended before the window was full."""

    @property
    def calls(self) -> int:
        """All calls of the window."""
        return sum(self.update) + sum(sum(record.stages) for record in self.records)


def lower_bound(windows: Sequence[WindowWork], limit: int) -> float:
    """Return the longest chain of dependent calls, or all calls over `limit`, if that is more."""
    chain = sum(longest_chain(w.records, depth) + depth(w.update) for w in windows)
    return max(chain, sum(w.calls for w in windows) / limit)


def windowed_lower_bound(windows: Sequence[WindowWork], limit: int) -> int:
    """Return the sum of the bounds of each window and each router update.

    It is tighter, because nothing of a window begins before the one before it has ended.
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
    """Return the number of stages that have calls: their length without a limit."""
    return sum(calls > 0 for calls in stages)


def in_series(stages: Iterable[int], limit: int) -> int:
    """Return the length of consecutive stages with at most `limit` calls at once."""
    return sum(_rounds(calls, limit) for calls in stages)


def _rounds(calls: int, limit: int) -> int:
    return -(-calls // limit)
