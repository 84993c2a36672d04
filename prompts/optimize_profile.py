"""Optimize a client's profile by a textual gradient (§2.4, Eq. 9)."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, WrittenProfile


class OptimizeProfileFields(Fields):
    """A profile after reception and the feedback to it."""

    kind: ClientKind
    profile: str
    reward: int
    suggestion: str


class OptimizedProfile(Reply):
    """The rewritten profile."""

    profile: WrittenProfile = Field(
        description="The whole profile, rewritten; at most 150 words.", min_length=1
    )


OPTIMIZE_PROFILE = Prompt("optimize_profile", OptimizeProfileFields, OptimizedProfile)
