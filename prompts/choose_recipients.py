"""Choose recipients: which of the nearest clients a client's changed profile concerns."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, ReasonText


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


CHOOSE_RECIPIENTS = Prompt("choose_recipients", ChooseRecipientsFields, ChooseRecipients)
