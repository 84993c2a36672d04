"""Estimates of tokens, and prompt fields shortened to what a small model can read.

A model's tokenizer is seldom at hand, so a token is taken for four characters. Tokenizers count
some 5% more over English prompts, more in lists of names, and several times as much in other
scripts.
"""

from bisect import bisect_right
from typing import Any, TypeVar

from prompts.fields import render_fields
from prompts.template import Fields
from state.domain import PROFILE_LENGTH

CHARACTERS_A_TOKEN = 4
CONTEXT = 8_192
"""Tokens that a model must read: every request with its reply, at a network's defaults."""
READABLE = CONTEXT * CHARACTERS_A_TOKEN
"""The same in characters."""
SHORTEST = 100
"""Characters to which a text is shortened at most."""

F = TypeVar("F", bound=Fields)


def estimate_tokens(*texts: str) -> int:
    """Return about how many tokens the texts cost together, rounded down."""
    return sum(map(len, texts)) // CHARACTERS_A_TOKEN


def fit_fields(fields: F, characters: int) -> F:
    """Return the fields, with the longest texts shortened where they would not fit.

    All texts get one greatest length, so that the rendered fields have at most `characters`; a cut
    text ends in `…`. Profiles and messages have their newest tastes first, so the oldest go. Where
    even `SHORTEST` is too long for so many texts, the fields stay longer.
    """
    if len(render_fields(fields)) <= characters:
        return fields
    lengths = range(SHORTEST, PROFILE_LENGTH * 2)
    fitting = bisect_right(lengths, characters, key=lambda n: len(render_fields(_cut(fields, n))))
    shortened: F = _cut(fields, lengths[max(fitting - 1, 0)])
    return shortened


def _cut(value: Any, length: int) -> Any:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, str):
        return value if len(value) <= length else f"{value[: length - 1].rstrip()}…"
    if isinstance(value, tuple):
        return tuple(_cut(entry, length) for entry in value)
    if isinstance(value, Fields):
        return value.model_copy(update={name: _cut(held, length) for name, held in value})
    return value
