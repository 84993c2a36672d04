"""Peer messages: whom a client's changed profile concerns, and what they are told of it."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, MessageText, ReasonText, WrittenMessage


class Candidate(Fields):
    """A client that may be a recipient, with the name by which the reply refers to it."""

    name: str
    kind: ClientKind
    profile: str


class ChooseRecipientsFields(Fields):
    """A changed profile, and the clients nearest to it in random order."""

    kind: ClientKind
    profile: str
    candidates: tuple[Candidate, ...]
    """Named `client 1`, `client 2`, …"""
    most: int
    """The most that may be chosen."""


class ChooseRecipients(Reply):
    """Whom the profile concerns."""

    reason: ReasonText = Field(description="What they share, in one sentence.")
    recipients: list[str] = Field(
        description="Names of the clients to tell, such as `client 2`; none where it concerns none."
    )


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


class AddressClientsFields(ChooseRecipientsFields):
    """A changed profile, and the clients nearest to it in random order."""


class AddressClients(Reply):
    """What to tell, and whom."""

    message: MessageText = Field(
        description="The tastes worth telling, newest first; at most 60 words. Empty where none is."
    )
    recipients: list[str] = Field(
        description="Names of the clients to tell, such as `client 2`; none where it concerns none."
    )


CHOOSE_RECIPIENTS = Prompt("choose_recipients", ChooseRecipientsFields, ChooseRecipients)
WRITE_MESSAGE = Prompt("write_message", WriteMessageFields, WriteMessage)
ADDRESS_CLIENTS = Prompt("address_clients", AddressClientsFields, AddressClients)
