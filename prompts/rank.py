"""Rank candidates for one user, for evaluation and recommendation alike."""

from pydantic import Field

from prompts.predict import Option
from prompts.template import Fields, Prompt, Reply
from state.domain import ReasonText


class RankFields(Fields):
    """A user's merged profile and the candidates in random order."""

    user: str
    candidates: tuple[Option, ...]


class Ranked(Reply):
    """One candidate in its place."""

    name: str = Field(description="The name of the candidate, as given, such as `item 1`.")
    reason: ReasonText = Field(description="Why it stands here, in at most ten words.")


class Rank(Reply):
    """All candidates, the one the user will most likely take first."""

    ranking: list[Ranked] = Field(description="Every candidate exactly once.")


RANK = Prompt("rank", RankFields, Rank)
