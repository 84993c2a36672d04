"""Tell: what of a client's changed profile is worth telling those it concerns."""

from pydantic import Field

from prompts.choose import Candidate
from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, WrittenMessage


class TellFields(Fields):
    """A changed profile, and the clients that are to hear of it."""

    kind: ClientKind
    profile: str
    recipients: tuple[Candidate, ...]


class Tell(Reply):
    """What they are told, instead of the whole profile."""

    message: WrittenMessage = Field(
        description="The tastes worth telling, newest first; at most 60 words.", min_length=1
    )


TELL = Prompt("tell", TellFields, Tell)
