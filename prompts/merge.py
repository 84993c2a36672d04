"""Merge (§2.3, Eq. 5): `P_c^pro = merge({R_c}, F_c, P_c)`, reception through the filter memory."""

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


class MessageDecision(Reply):
    """What the filter memory decides on one message."""

    message: str = Field(description="The name of the message, such as `message 1`.")
    reason: ReasonText = Field(description="Why it comes in or stays out, in at most ten words.")
    accepted: bool = Field(description="Whether it comes in, also where it says nothing new.")
    rule: str = Field(
        description="The name of the rule that keeps it out, such as `rule 2`; else an empty text."
    )


class Merge(Reply):
    """One decision for each message, and the propagated profile."""

    filter_decisions: list[MessageDecision] = Field(description="Exactly one for each message.")
    profile: WrittenProfile = Field(
        description="The whole profile after reception; at most 150 words.", min_length=1
    )


MERGE = Prompt("merge", MergeFields, Merge)
