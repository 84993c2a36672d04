"""Static TF-IDF of title and category: the baseline of every table (DESIGN §8).

It reads the catalogue and a user's own history, and nothing travels between users: what a
propagating method gains, it gains over this.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from evals.baselines.random_order import best_first
from state.dataset import Event, Item


class TfidfRanker:
    """Ranks by the cosine between a candidate and the mean of the user's history."""

    name = "TF-IDF"

    def __init__(self, items: Sequence[Item], *, seed: int = 0) -> None:
        """Weigh the words of the whole catalogue; `seed` orders ties."""
        self._seed = seed
        self._at = {item.key: at for at, item in enumerate(items)}
        texts = [f"{item.title} {item.category}" for item in items]
        self._words = csr_array(TfidfVectorizer().fit_transform(texts))
        self._taken: dict[str, list[int]] = {}

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Take over each user's history."""
        taken: dict[str, list[int]] = defaultdict(list)
        for event in chain(train, valid):
            taken[event.user].append(self._at[event.item])
        self._taken = dict(taken)

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates by similarity to the user's history, ties in random order."""
        scores = dict(zip(candidates, self._scores(user, candidates), strict=True))
        return best_first(candidates, scores.__getitem__, seed=self._seed, user=user)

    def _scores(self, user: str, candidates: Sequence[str]) -> npt.NDArray[np.float64]:
        taken = self._taken.get(user)
        if not taken:
            return np.zeros(len(candidates))
        rows = [self._at[key] for key in candidates]
        # All candidates share the user's length, so the dot product orders them as the cosine does.
        similar = (self._words[rows] @ self._words[taken].T).toarray()
        means: npt.NDArray[np.float64] = similar.mean(axis=1)
        return means
