"""The offline answers to `extract` and `summarize`: attributes out of and into texts. Lexical."""

from prompts.attributes import Extract, ExtractFields, Summarize, SummarizeFields
from prompts.offline.phrases import distinct
from prompts.offline.profile_text import read_message, read_profile, write_message
from state.domain import ClientKind, normalise_attribute

ATTRIBUTES_HELD = 12
OWN_FIRST = 8
"""An item's own phrases come first, and leave room for the tastes of those who took it."""
NEWEST_HELD = 12
"""New attributes in one update, so that older ones are not all pushed out at once."""


def extract(fields: ExtractFields) -> Extract:
    """Return what the client likes or is about, not what it avoids or only heard of."""
    profile = read_profile(fields.profile, fields.kind)
    if fields.kind is ClientKind.USER:
        found = profile.likes
    else:
        own = distinct([*profile.about, *profile.own])
        found = distinct([*own[:OWN_FIRST], *profile.liked, *own[OWN_FIRST:]])
    return Extract(attributes=list(found[:ATTRIBUTES_HELD]))


def summarize(fields: SummarizeFields) -> Summarize:
    """Return the router's text with the new attributes, newest first."""
    older = read_message(fields.router)
    newest = distinct(filter(None, map(normalise_attribute, fields.attributes)))
    held = NEWEST_HELD if older else len(newest)
    return Summarize(profile=write_message(newest[:held], older))
