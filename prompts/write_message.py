"""Write message: what clients are told of another client's changed profile."""

from pydantic import Field

from prompts.choose_recipients import Candidate
from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, WrittenMessage


class WriteMessageFields(Fields):
    """A changed profile, and the recipients of the message."""

    kind: ClientKind
    profile: str
    recipients: tuple[Candidate, ...]


class WriteMessage(Reply):
    """What they are told, instead of the whole profile."""

    message: WrittenMessage = Field(
        description="The tastes worth telling, newest first; at most 60 words.", min_length=1
    )


WRITE_MESSAGE = Prompt("write_message", WriteMessageFields, WriteMessage)
