"""The random order: where any method that knows nothing must land."""

from collections.abc import Callable, Sequence

from state.dataset import Event
from state.randomness import draw

_DECIMALS = 9
"""Scores closer than this are ties: the rest is the order of summation."""


def random_order(candidates: Sequence[str], *, seed: int, user: str) -> list[str]:
    """Return `candidates` in an order keyed by (seed, user, their set), not by their given order.

    Also what other methods put their ties in.
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


class RandomRanker:
    """Ranks at random."""

    name = "Random"

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn nothing."""

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates in random order."""
        return random_order(candidates, seed=self._seed, user=user)
