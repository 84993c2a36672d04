"""Popularity: how often an item was taken. It knows nothing of the user."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from evals.baselines.random_order import best_first
from state.dataset import Event


class PopRanker:
    """Ranks by how many users took a candidate."""

    name = "Pop"

    def __init__(self, *, seed: int = 0) -> None:
        """Let `seed` order ties."""
        self._seed = seed
        self._taken: Counter[str] = Counter()

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Count the events of each item."""
        self._taken = Counter(event.item for event in chain(train, valid))

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates most often taken first, ties in random order."""
        return best_first(candidates, self._taken.__getitem__, seed=self._seed, user=user)
