"""Summarize (§2.2.2, Eq. 3): a router integrates the attributes that are new to its community."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import WrittenMessage


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


SUMMARIZE = Prompt("summarize", SummarizeFields, Summarize)
