"""Extract attributes from profiles (§2.2.1, Eq. 1), and add them to routers (§2.2.2, Eq. 3)."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import Attributes, ClientKind, WrittenMessage


class ExtractFields(Fields):
    """One client's profile."""

    kind: ClientKind
    profile: str


class Extract(Reply):
    """The attributes of one client."""

    attributes: Attributes = Field(
        description="At most twelve short noun phrases, the most salient first: genres, styles, "
        "makers, themes. Empty where the profile names none.",
        max_length=24,
    )


class SummarizeFields(Fields):
    """A router's profile and the attributes assigned to it."""

    router: str
    """`P_R`; empty when the router is new."""
    attributes: tuple[str, ...]
    """Those assigned to the router at this update, most widely held first."""


class Summarize(Reply):
    """A router's profile after taking in attributes; it is also the message it sends."""

    profile: WrittenMessage = Field(
        description="The router's whole new text, newest tastes first; at most 100 words.",
        min_length=1,
    )


EXTRACT = Prompt("extract", ExtractFields, Extract)
SUMMARIZE = Prompt("summarize", SummarizeFields, Summarize)
