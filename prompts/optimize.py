"""Optimize profiles, filter memories and routers by textual gradients (§2.4, Eq. 9)."""

from typing import Literal

from pydantic import Field

from prompts.merge import Named
from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, ReasonText, Rules, WrittenMessage, WrittenProfile

Action = Literal["keep", "rewrite", "split", "merge"]


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


class OptimizeFilterMemoryFields(Fields):
    """The rules of one client and the feedback to them."""

    kind: ClientKind
    rules: tuple[str, ...]
    reward: int
    suggestion: str


class OptimizedFilterMemory(Reply):
    """The rewritten rules: what to let through and what to keep out, never preferences."""

    rules: Rules = Field(
        description="All rules that hold from now on, one to eight, one sentence each.",
        min_length=1,
    )


class Feedback(Fields):
    """One pending gradient."""

    reward: int
    suggestion: str


class Effects(Fields):
    """What became of a router's messages, and its place among the others; to two digits."""

    taken_in: int
    kept_out: int
    """How often a client accepted one of its messages, or kept one out."""
    reward: str
    """Mean reward of the interactions with an accepted message; empty where there is none."""
    tightness: str
    """Mean cosine of its attributes to their centre: 1 where they are all alike."""
    nearest: str
    """Cosine to the nearest other router; empty where there is none."""


class OptimizeRouterFields(Fields):
    """A router, the feedback to it, and the routers it might merge with."""

    router: str
    attributes: tuple[str, ...]
    """`A_R`, newest first."""
    feedback: tuple[Feedback, ...]
    neighbours: tuple[Named, ...]
    """The nearest other routers, nearest first; a merge names one of them."""
    effects: tuple[Effects, ...] = ()
    """One entry, or none where only feedback is shown."""


class OptimizedRouter(Reply):
    """What becomes of a router."""

    reason: ReasonText = Field(description="Why this action, in one sentence.")
    action: Action = Field(description="What becomes of the router.")
    profiles: list[WrittenMessage] = Field(
        description="keep: none. rewrite or merge: the one new text. split: the two new texts.",
        max_length=2,
    )
    partner: str = Field(
        description="merge: the name of the neighbour, such as `router 3`; else an empty text."
    )


OPTIMIZE_PROFILE = Prompt("optimize_profile", OptimizeProfileFields, OptimizedProfile)
OPTIMIZE_FILTER_MEMORY = Prompt(
    "optimize_filter_memory", OptimizeFilterMemoryFields, OptimizedFilterMemory
)
OPTIMIZE_ROUTER = Prompt("optimize_router", OptimizeRouterFields, OptimizedRouter)
