"""Merge (paper, §3.3): `P_c^pro = merge({R_c}, F_c, P_c)`, reception through the filter memory."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, ReasonText, WrittenProfile


class Named(Fields):
    """A text with the name by which the reply refers to it."""

    name: str
    text: str


class MergeFields(Fields):
    """A client's profile, its rules, and the messages in its buffer."""

    kind: ClientKind
    profile: str
    rules: tuple[Named, ...]
    """`F_c`, named `rule 1`, `rule 2`, …"""
    messages: tuple[Named, ...]
    """`{R_c}`, newest first, named `message 1`, …"""


class MergeVerdict(Reply):
    """What was done with one message."""

    message: str = Field(description="The name of the message.")
    taken: bool = Field(description="Whether anything of it went into the profile.")
    rule: str = Field(description="The name of the rule that kept it out, or an empty text.")
    reason: ReasonText = Field(description="Why, in a few words.")


class Merge(Reply):
    """The propagated profile and one verdict for each message."""

    profile: WrittenProfile = Field(description="The whole profile after reception.", min_length=1)
    verdicts: list[MergeVerdict]


MERGE = Prompt("merge", MergeFields, Merge)
