"""Ranking by scores, with equal scores in random order."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from state.dataset import Event
from state.randomness import draw

_DECIMALS = 9
"""Scores that agree to this many decimals are equal: the rest is rounding."""


def random_order(candidates: Sequence[str], *, seed: int, user: str) -> list[str]:
    """Return `candidates` in an order keyed by (seed, user, their set), not by their given order.

    Rankers use it for ties too.
    """
    order = sorted(candidates)
    draw(seed, "random order", user, *order).shuffle(order)
    return order


def best_first(
    candidates: Sequence[str], score: Callable[[str], float], *, seed: int, user: str
) -> list[str]:
    """Return `candidates` by falling score, equal ones in random order."""
    order = random_order(candidates, seed=seed, user=user)
    return sorted(order, key=lambda key: -round(score(key), _DECIMALS))


class ScoringRanker(ABC):
    """A `Ranker` that scores each candidate by itself."""

    name: ClassVar[str]

    def __init__(self, *, seed: int = 0) -> None:
        """Let `seed` order ties."""
        self.seed = seed

    @abstractmethod
    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn from events, as `Ranker.fit` says."""

    @abstractmethod
    def score(self, user: str, candidates: Sequence[str]) -> Sequence[float]:
        """Return a score for each candidate; higher is better."""

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates by falling score, ties in random order."""
        scores = dict(zip(candidates, self.score(user, candidates), strict=True))
        return best_first(candidates, scores.__getitem__, seed=self.seed, user=user)
