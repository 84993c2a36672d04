"""Item-KNN: two items are similar if the same users took them."""

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
from scipy.sparse import csr_array

from evals.baselines.interaction_matrix import interaction_matrix
from evals.baselines.scoring import ScoringRanker
from state.dataset import Event


class ItemKnnRanker(ScoringRanker):
    """Ranks by the sum of a candidate's similarities to the items that the user took.

    The defaults were chosen on the validation of AgentCF's dense sample.
    """

    name = "Item-KNN"

    def __init__(self, *, neighbours: int = 50, shrinkage: float = 10, seed: int = 0) -> None:
        """Keep the `neighbours` most similar items of each item.

        The similarity of i and j is users in common / (|i| |j| + `shrinkage`), |i| being the square
        root of the number of its users: the cosine where `shrinkage` is 0. More shrinkage trusts
        items with few users less. `seed` orders ties.
        """
        super().__init__(seed=seed)
        self._neighbours = neighbours
        self._shrinkage = shrinkage

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Compare all items, and sum their similarities to each user's items."""
        known = interaction_matrix(chain(train, valid))
        self._users, self._items = known.users, known.items
        self._scores = csr_array(known.matrix @ self._similarities(known.matrix).T)

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:
        """Return the summed similarities; 0 for a user or an item without an event."""
        row = self._users.get(user)
        if row is None:
            return [0.0] * len(candidates)
        start, end = self._scores.indptr[row : row + 2]
        own = dict(zip(self._scores.indices[start:end], self._scores.data[start:end], strict=True))
        return [float(own.get(self._items.get(key, -1), 0.0)) for key in candidates]

    def _similarities(self, by_user: csr_array) -> csr_array:
        """Return the similarity of each item (row) to its neighbours; ties for the last stay."""
        similar = csr_array(by_user.T @ by_user)  # users in common
        norms = np.sqrt(similar.diagonal())
        similar.setdiag(0)
        similar.eliminate_zeros()
        rows = np.repeat(np.arange(similar.shape[0]), np.diff(similar.indptr))
        similar.data /= norms[rows] * norms[similar.indices] + self._shrinkage
        for start, end in pairwise(similar.indptr):
            own = similar.data[start:end]  # a view
            if len(own) > self._neighbours:
                own[own < np.partition(own, -self._neighbours)[-self._neighbours]] = 0
        return similar
