"""At work: the networks whose router update this process is running."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

PAUSE = 10.0
"""Seconds between two nodes of one run, at most; after that it was stopped between them."""


class AtWork:
    """Which networks this process updates: a node is running, or one ended a moment ago."""

    def __init__(self) -> None:
        self._running: Counter[int] = Counter()
        self._ended: dict[int, float] = {}

    @contextmanager
    def on(self, network: int) -> Iterator[None]:
        """Be at work on a network for the time of the block."""
        self._running[network] += 1
        try:
            yield
        finally:
            self._running[network] -= 1
            self._ended[network] = monotonic()

    def is_at(self, network: int) -> bool:
        """Return whether this process is at work on a network."""
        ended = self._ended.get(network)
        return self._running[network] > 0 or (ended is not None and monotonic() - ended < PAUSE)
