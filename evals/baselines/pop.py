"""Popularity: how often an item was taken. It ignores the user."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from evals.baselines.scoring import ScoringRanker
from state.dataset import Event


class PopRanker(ScoringRanker):
    """Ranks by the number of users who took an item (§3.1.2)."""

    name = "Pop"

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Count the events of each item."""
        self._events = Counter(event.item for event in chain(train, valid))

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:  # noqa: ARG002
        """Return the number of events of each candidate."""
        return [self._events[key] for key in candidates]
