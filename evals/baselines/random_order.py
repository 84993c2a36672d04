"""The random order: what a ranker that knows nothing reaches."""

from collections.abc import Sequence

from evals.baselines.scoring import ScoringRanker
from state.dataset import Event


class RandomRanker(ScoringRanker):
    """Ranks at random."""

    name = "Random"

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn nothing."""

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:  # noqa: ARG002 - blind
        """Score all candidates alike."""
        return [0.0] * len(candidates)
