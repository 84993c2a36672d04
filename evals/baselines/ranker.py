"""What a method is: the one thing that evaluation knows about it."""

from collections.abc import Sequence
from typing import Protocol

from state.dataset import Event


class Ranker(Protocol):
    """A way to rank candidates for a user.

    The contract: `fit` is called once, with everything the method may learn from. `rank` then
    returns every candidate exactly once, best first. It never sees the target, and its answer
    depends on what it was fitted on, the user and the *set* of candidates, never on the order in
    which they are given or on other calls. Users it was not fitted on are ranked too.
    """

    @property
    def name(self) -> str:
        """The method's name in tables."""
        ...

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Learn from events, each part in data set order; a second call starts afresh.

        `train` is what stands before the validation, first events included; `valid` holds the
        validation events, and is empty where these are to be predicted.
        """
        ...

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return `candidates`, each exactly once, best first for `user`."""
        ...


def ordered(name: str, user: str, candidates: Sequence[str], ranking: Sequence[str]) -> list[str]:
    """Return `ranking` as a list where it holds every candidate exactly once.

    Raises `ContractError` otherwise: such a ranking would be given a rank that it did not earn.
    """
    if sorted(ranking) != sorted(candidates):
        raise ContractError(
            f"{name} returned {len(ranking)} items for {user} that are not its "
            f"{len(candidates)} candidates, each once"
        )
    return list(ranking)


class ContractError(AssertionError):
    """A method broke the contract of `Ranker`: a bug in the method."""
