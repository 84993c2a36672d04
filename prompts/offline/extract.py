"""The offline answer to `extract`: the phrases a profile stands for. Lexical."""

from prompts.extract import Extract, ExtractFields
from prompts.offline.phrases import distinct
from prompts.offline.profile_text import read_profile
from state.domain import ClientKind

ATTRIBUTES_HELD = 12
OWN_FIRST = 8
"""An item's own phrases come first, and leave room for the tastes of those who took it."""


def extract(fields: ExtractFields) -> Extract:
    """Return what the client likes or is about, not what it avoids or only heard of."""
    profile = read_profile(fields.profile, fields.kind)
    if fields.kind is ClientKind.USER:
        found = profile.likes
    else:
        own = distinct([*profile.about, *profile.own])
        found = distinct([*own[:OWN_FIRST], *profile.liked, *own[OWN_FIRST:]])
    return Extract(attributes=list(found[:ATTRIBUTES_HELD]))
