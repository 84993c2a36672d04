"""State of the `recommend` graph: merged views, candidates, ranking."""

import operator
from typing import Annotated, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from state.domain import Client, Frozen, Reception
from state.graphs.context import DESCRIBED


class RankedItem(Frozen):
    """One item of a ranking."""

    item: str
    title: str
    reason: str
    origin: str
    """`given` by the caller, or `nearest` to the user's profile."""


@with_config(DESCRIBED)
class RecommendInput(TypedDict):
    """The user to recommend to, and what to rank."""

    user: str
    """Key of the user."""
    candidates: NotRequired[list[str]]
    """Keys of the items to rank; without them the nearest items the user has not met."""
    count: NotRequired[int]
    """How many nearest items to rank where no candidates are given (10)."""


@with_config(DESCRIBED)
class RecommendOutput(TypedDict, total=False):
    """The ranking."""

    ranking: list[RankedItem]
    missing: int
    """Candidates that the reply left out; they come last, in seeded random order."""
    dropped: int
    """Unknown or repeated names in the reply."""


class RecommendUpdate(RecommendOutput, total=False):
    """The fields that nodes add to the input."""

    origin: str
    clients: list[Client]
    """The user, then the candidates."""
    views: Annotated[list[Reception], operator.add]
    """Merged views of the clients whose buffers hold messages."""


class RecommendState(RecommendInput, RecommendUpdate):
    """The whole graph's state."""
