"""BPR: matrix factorization learned from pairs of items (Rendle et al., 2009)."""

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from evals.baselines.interaction_matrix import interaction_matrix
from evals.baselines.scoring import ScoringRanker
from state.dataset import Event
from state.errors import InputError

Factors = dict[str, npt.NDArray[np.float32]]


class BprRanker(ScoringRanker):
    """Ranks by the product of a user's and an item's factors, learned by the library `implicit`.

    It uses one thread: with more, the same seed gives other factors each time. The library draws
    the other item of a pair from the events, so popularity is hardly learned. An item without an
    event comes last; a user without one gets a random order. The defaults were chosen on the
    validation of AgentCF's dense sample.
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
        """Set the hyperparameters; `seed` keys the first factors, the drawn pairs, and ties.

        Raises `InputError` where `implicit` is not installed.
        """
        super().__init__(seed=seed)
        try:
            from implicit.cpu.bpr import BayesianPersonalizedRanking  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("implicit"):
                raise
            raise InputError(
                "BPR needs the library implicit: run `make install`, or "
                "`pip install -e '.[baselines]'` in the checkout"
            ) from None
        self._model: Callable[[], Any] = lambda: BayesianPersonalizedRanking(
            factors=factors,
            iterations=epochs,
            learning_rate=learning_rate,
            regularization=regularization,
            num_threads=1,
            random_state=seed,
        )

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn factors of all users and items."""
        known = interaction_matrix(chain(train, valid))
        model = self._model()
        model.fit(csr_matrix(known.matrix), show_progress=False)  # it takes no sparse array
        self._users: Factors = dict(zip(known.users, model.user_factors, strict=True))
        self._items: Factors = dict(zip(known.items, model.item_factors, strict=True))

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:
        """Return the products of the factors."""
        own = self._users.get(user)
        if own is None:
            return [0.0] * len(candidates)
        return [
            float(own @ self._items[key]) if key in self._items else -math.inf for key in candidates
        ]
