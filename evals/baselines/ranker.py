"""What a ranker is: all that the evaluation knows of a baseline or of a network."""

from collections.abc import Sequence
from typing import Protocol

from state.dataset import Event


class Ranker(Protocol):
    """Ranks candidates for a user.

    `fit` is called once, with everything the ranker may learn from. `rank` then returns every
    candidate exactly once, best first. It never sees the target. Its answer depends on what it was
    fitted on, the user and the *set* of candidates, not on their order or on other calls. Users
    that it was not fitted on are ranked too.
    """

    @property
    def name(self) -> str:
        """The ranker's name in tables."""
        ...

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn from events, each part in data set order; a second call starts afresh.

        `train` holds the events before the validation, first events included. `valid` holds the
        validation events; it is empty where these are to be predicted.
        """
        ...

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return `candidates`, each exactly once, best first for `user`."""
        ...


class ContractError(AssertionError):
    """A ranker returned something else than its candidates: a bug in the ranker."""
