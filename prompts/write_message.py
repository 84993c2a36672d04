"""WriteMessage: what of a client's changed profile is worth telling those it concerns."""

from pydantic import Field

from prompts.choose_recipients import Candidate
from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, WrittenMessage


class WriteMessageFields(Fields):
    """A changed profile, and the clients that are to hear of it."""

    kind: ClientKind
    profile: str
    recipients: tuple[Candidate, ...]


class WriteMessage(Reply):
    """What they are told, instead of the whole profile."""

    message: WrittenMessage = Field(
        description="The tastes worth telling, newest first; at most 60 words.", min_length=1
    )


WRITE_MESSAGE = Prompt("write_message", WriteMessageFields, WriteMessage)
