"""Extract (§2.2.1, Eq. 1): `A_c`, the attributes of a client, from its profile."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import Attributes, ClientKind


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


EXTRACT = Prompt("extract", ExtractFields, Extract)
