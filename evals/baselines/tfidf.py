"""Static TF-IDF of title and category.

It reads the catalogue and a user's own history; nothing moves between users. It stands in every
table: what propagation gains, it must gain over this.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from evals.baselines.scoring import ScoringRanker
from state.dataset import Event, Item


class TfidfRanker(ScoringRanker):
    """Ranks by the cosine between a candidate and the mean of the user's history."""

    name = "TF-IDF"

    def __init__(self, items: Sequence[Item], *, seed: int = 0) -> None:
        """Weigh the words of the whole catalogue; `seed` orders ties."""
        super().__init__(seed=seed)
        self._rows = {item.key: at for at, item in enumerate(items)}
        texts = [f"{item.title} {item.category}" for item in items]
        self._words = csr_array(TfidfVectorizer().fit_transform(texts))

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Note each user's history."""
        self._histories: dict[str, list[int]] = defaultdict(list)
        for event in chain(train, valid):
            self._histories[event.user].append(self._rows[event.item])

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:
        """Return the mean products with the user's items; 0 for a user without any.

        The user's length is the same for all candidates, so they order as by the cosine.
        """
        own = self._histories.get(user)
        if not own:
            return [0.0] * len(candidates)
        rows = [self._rows[key] for key in candidates]
        products = (self._words[rows] @ self._words[own].T).toarray()
        means: list[float] = products.mean(axis=1).tolist()
        return means
