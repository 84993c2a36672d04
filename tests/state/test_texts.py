"""Whatever text comes in: what is stored is clean, bounded, and the same a second time."""

import json
import operator
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError

from nodes.resources import Resources
from state.domain import (
    ATTRIBUTE_LENGTH,
    ATTRIBUTE_WORDS,
    RULE_LENGTH,
    RULES_HELD,
    Attributes,
    Key,
    Module,
    ModuleKind,
    ProfileText,
    ReasonText,
    Rules,
    SuggestionText,
    TitleText,
    WrittenMessage,
    WrittenProfile,
    clean,
    clean_line,
    normalise_attribute,
)
from state.store.versions import append_version, join_rules, read_versions, split_rules
from tests.support.tiny_network import plant_tiny

ODD = (
    "\x00\t\n\r\x0b\x1c\x1f\x7f\x85\xa0\xad\u061c\u0301\u0338\u200b\u200d\u200e\u200f\u2028\u2029"
    "\u202e\u2066\u2069\ufe0f\ufeff\ufffe\ud83d\ude00\udfff👩🏽🚀🇫🇷السبكİΣſﷺ"
)
PIECES = st.one_of(
    st.characters(exclude_categories=()),  # lone surrogates and control characters included
    st.sampled_from(ODD),
    st.sampled_from("  aé'&-.@/"),
    st.sampled_from(
        ["👩🏽\u200d🚀", "e\u0301\u0323", "İ\u0331", "www.", "://", "\ud83d\ude00", "\r\n"]
    ),
)
SHORT = st.lists(PIECES, max_size=40).map("".join)
TEXTS = st.builds(operator.mul, SHORT, st.sampled_from([1, 1, 1, 2, 9, 80, 900] * 4 + [26_000]))
"""Up to a megabyte."""

FIELDS: dict[str, tuple[TypeAdapter[str], int, bool]] = {
    "profile": (TypeAdapter(ProfileText), 2_000, True),
    "written profile": (TypeAdapter(WrittenProfile), 2_000, False),
    "written message": (TypeAdapter(WrittenMessage), 1_500, False),
    "suggestion": (TypeAdapter(SuggestionText), 800, True),
    "reason": (TypeAdapter(ReasonText), 500, True),
    "title": (TypeAdapter(TitleText), 300, True),
    "key": (TypeAdapter(Key), 200, False),
}
"""What a field reads, how long it may be, and whether it may be empty."""

OVERRIDES = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def is_forbidden(character: str) -> bool:
    """Return whether no stored text may hold the character."""
    return (
        (unicodedata.category(character) == "Cc" and character not in "\t\n")
        or unicodedata.category(character) == "Cs"
        or unicodedata.bidirectional(character) in OVERRIDES
        or character in "\ufffe\uffff"
    )


def is_blank(text: str) -> bool:
    return all(character.isspace() or is_forbidden(character) for character in set(text))


def assert_fit(text: str, limit: int) -> None:
    """Check that a text can be stored: bounded, trimmed, and without what nobody may store."""
    assert len(text) <= limit
    assert text == text.strip()
    assert not [character for character in text if is_forbidden(character)]
    assert json.loads(json.dumps(text)) == text
    assert text.encode().decode() == text


@given(SHORT, st.integers(-1, 60))
def test_clean_text_is_storable_bounded_and_stable(text: str, limit: int) -> None:
    for cleaner in (clean, clean_line):
        cleaned = cleaner(text, limit)
        assert_fit(cleaned, max(limit, 0))
        assert cleaner(cleaned, limit) == cleaned
        assert cleaner(text + "\x00", limit) == cleaned
        assert limit < 1 or bool(cleaned) is not is_blank(text)
    assert cleaned.splitlines() in ([], [cleaned])


@given(st.lists(PIECES, min_size=30, max_size=60).map("".join), st.integers(8, 29))
def test_a_cut_parts_no_letter_from_its_marks_and_no_joined_emoji(text: str, limit: int) -> None:
    whole = "".join(" " if is_forbidden(character) else character for character in text).strip()
    cleaned = clean(text, limit)
    assert whole.startswith(cleaned)
    cut = len(cleaned)
    if cut < len(whole) and parts(whole, cut) and not whole[cut].isspace():
        assert all(parts(whole, place) for place in range(limit // 2 + 1, limit + 1))


def parts(text: str, place: int) -> bool:
    """Return whether a cut before this place halves what the eye sees as one character."""
    left, right = text[place - 1], text[place]
    return (
        "\u200d" in (left, right) or right in "🏻🏼🏽🏾🏿" or unicodedata.category(right)[0] == "M"
    )


@given(TEXTS)
def test_every_field_takes_every_text_but_an_empty_one(text: str) -> None:
    for adapter, limit, may_be_empty in FIELDS.values():
        if is_blank(text) and not may_be_empty:
            with pytest.raises(ValidationError):
                adapter.validate_python(text)
            continue
        value = adapter.validate_python(text)
        assert_fit(value, limit)
        assert bool(value) is not is_blank(text)
        assert adapter.validate_python(value) == value
        assert adapter.validate_json(adapter.dump_json(value)) == value


@given(st.lists(TEXTS, max_size=4), st.integers(1, 5))
def test_rules_are_different_lines_that_join_and_split_again(texts: list[str], times: int) -> None:
    adapter: TypeAdapter[list[str]] = TypeAdapter(Rules)
    numbered = [f"{n}{text}" for n in range(times) for text in texts]
    for given_rules in (texts, numbered):
        if all(map(is_blank, given_rules)):
            with pytest.raises(ValidationError):
                adapter.validate_python(given_rules)
            continue
        rules = adapter.validate_python(given_rules)
        assert 1 <= len(set(rules)) == len(rules) <= RULES_HELD
        for rule in rules:
            assert_fit(rule, RULE_LENGTH)
            assert rule.splitlines() == [rule]
        assert split_rules(join_rules(rules)) == tuple(rules)
        assert adapter.validate_python(rules) == rules


@given(TEXTS)
def test_an_attribute_is_a_short_phrase_in_lower_case_without_a_link(text: str) -> None:
    attribute = normalise_attribute(text)
    if attribute is None:
        return
    assert_fit(attribute, ATTRIBUTE_LENGTH)
    words = attribute.split(" ")
    assert 1 <= len(words) <= ATTRIBUTE_WORDS
    for word in words:
        assert any(character.isalnum() for character in word)
        assert all(c.isalnum() or c in "'’&-" or unicodedata.category(c)[0] == "M" for c in word)
    assert attribute.lower() == attribute == unicodedata.normalize("NFKC", attribute)
    assert normalise_attribute(attribute) == attribute


@given(st.lists(TEXTS, max_size=6))
def test_attributes_are_different_phrases_and_stay_as_they_are(texts: list[str]) -> None:
    adapter: TypeAdapter[list[str]] = TypeAdapter(Attributes)
    attributes = adapter.validate_python(texts)
    assert attributes == sorted(set(attributes), key=attributes.index)
    assert set(attributes) == {normalise_attribute(text) for text in texts} - {None}
    assert adapter.validate_python(attributes) == attributes


@given(st.lists(TEXTS, min_size=1, max_size=3))
async def test_what_was_cleaned_comes_back_from_the_database_as_it_was(
    resources: Resources, texts: list[str]
) -> None:
    if "tiny" not in resources.networks:
        resources.networks["tiny"] = await plant_tiny(resources)
    network = resources.networks["tiny"].id
    profile = TypeAdapter(ProfileText).validate_python(texts[0])
    rules = TypeAdapter(Rules).validate_python([*texts, "something"])
    stored = {
        Module(kind=ModuleKind.USER_PROFILE, owner=1): profile,
        Module(kind=ModuleKind.FILTER_MEMORY, owner=1): join_rules(rules),
    }
    async with resources.pool.connection() as conn, conn.transaction(force_rollback=True):
        for module, content in stored.items():
            await append_version(conn, network, module, 99, content, "gradient")
            read = (await read_versions(conn, network, module))[-1].content
            assert read == content
        assert split_rules(read) == tuple(rules)
        cursor = await conn.execute(
            "UPDATE networks SET settings = %s WHERE id = %s RETURNING settings",
            (Jsonb([profile, rules]), network),
        )
        row = await cursor.fetchone()
    assert row is not None
    assert row["settings"] == [profile, rules]
