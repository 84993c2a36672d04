"""The offline answer to `summarize`: what a community likes, newest first. Lexical."""

from prompts.offline.phrases import distinct
from prompts.offline.profile_text import read_message, write_message
from prompts.summarize import Summarize, SummarizeFields
from state.domain import normalise_attribute

NEWEST_HELD = 12
"""New attributes in one update, so that older ones are not all pushed out at once."""


def summarize(fields: SummarizeFields) -> Summarize:
    """Return the router's text after it took in the attributes; an empty router is founded."""
    older = read_message(fields.router)
    newest = distinct(filter(None, map(normalise_attribute, fields.attributes)))
    held = NEWEST_HELD if older else len(newest)
    return Summarize(profile=write_message(newest[:held], older))
