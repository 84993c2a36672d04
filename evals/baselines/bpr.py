"""BPR: matrix factors learned from pairs of a taken item and another (Rendle et al., 2009)."""

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from evals.baselines.interaction_matrix import taken_matrix
from evals.baselines.random_order import best_first
from state.dataset import Event
from state.errors import InputError


class BprRanker:
    """Ranks by the product of a user's and an item's factors, learned by the library `implicit`.

    One thread: with more, the same seed gives other factors each time. The library draws the other
    item of a pair from the events, so popularity is hardly learned. An item that nobody took has no
    factors and comes last; a user who took nothing gets a random order.

    Chosen on the validation of AgentCF's dense sample (NDCG@10, sampled negatives, ten draws, means
    of five seeds) out of factors 2 to 64, 30 to 1,000 epochs, rates 0.01 to 0.1 and regularization
    0.01 to 0.4: 0.505, where 2 factors come to 0.468 at most, 300 epochs to 0.495, and a
    regularization of 0.4 to 0.470. With 64 factors it is the same.
    """

    name = "BPR"

    def __init__(
        self,
        *,
        factors: int = 32,
        epochs: int = 1_000,
        learning_rate: float = 0.1,
        regularization: float = 0.05,
        seed: int = 0,
    ) -> None:
        """Shape the factors; `seed` keys how they begin, which pairs are drawn, and ties.

        Raises `InputError` where `implicit` is not installed.
        """
        try:
            from implicit.cpu.bpr import BayesianPersonalizedRanking  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("implicit"):
                raise
            raise InputError("BPR needs implicit: pip install 'recnet[baselines]'") from None
        self._seed = seed
        self._learner: Callable[[], Any] = lambda: BayesianPersonalizedRanking(
            factors=factors,
            iterations=epochs,
            learning_rate=learning_rate,
            regularization=regularization,
            num_threads=1,
            random_state=seed,
        )
        self._users: dict[str, npt.NDArray[np.float32]] = {}
        self._items: dict[str, npt.NDArray[np.float32]] = {}

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn factors of all users and items."""
        taken = taken_matrix(chain(train, valid))
        learner = self._learner()
        learner.fit(csr_matrix(taken.matrix), show_progress=False)  # it takes no newer kind
        self._users = dict(zip(taken.users, learner.user_factors, strict=True))
        self._items = dict(zip(taken.items, learner.item_factors, strict=True))

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates by falling product of factors, ties in random order."""
        own = self._users.get(user)

        def score(key: str) -> float:
            if own is None:
                return 0.0
            return float(own @ self._items[key]) if key in self._items else -math.inf

        return best_first(candidates, score, seed=self._seed, user=user)
