"""Address clients: in one call the message about a changed profile, and its recipients."""

from pydantic import Field

from prompts.choose_recipients import ChooseRecipientsFields
from prompts.template import Prompt, Reply
from state.domain import MessageText


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


ADDRESS_CLIENTS = Prompt("address_clients", AddressClientsFields, AddressClients)
