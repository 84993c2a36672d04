"""Fields are shortened to what a small model can read, and no further."""

import pytest

from prompts.fields import render_fields
from prompts.llm.tokens import SHORTEST, fit_fields
from prompts.merge import MergeFields, Named
from state.domain import ClientKind


def merge_fields(*messages: str) -> MergeFields:
    named = tuple(Named(name=f"message {n}", text=text) for n, text in enumerate(messages, start=1))
    return MergeFields(kind=ClientKind.USER, profile="likes jazz", rules=(), messages=named)


def test_fields_that_fit_are_not_shortened() -> None:
    fields = merge_fields("jazz; " * 100, "rock")
    assert fit_fields(fields, len(render_fields(fields))) is fields


def test_the_longest_texts_are_shortened_no_more_than_needed() -> None:
    fields = merge_fields("jazz & soul; " * 100, "folk; " * 100, "rock; " * 30)
    room = 1_300
    shown = fit_fields(fields, room)
    assert room - 10 < len(render_fields(shown)) <= room
    first, second, third = (message.text for message in shown.messages)
    assert first.endswith("…")
    assert fields.messages[0].text.startswith(first.rstrip("…"))
    assert len(second) == pytest.approx(len(first), abs=1)
    assert (shown.profile, third) == (fields.profile, fields.messages[2].text)


def test_no_text_is_shortened_to_nothing() -> None:
    shown = fit_fields(merge_fields(*["jazz; " * 100] * 50), 1_000)
    assert {len(message.text) for message in shown.messages} == {SHORTEST}
