"""First profiles and rules: what they hold, and that the offline model understands them."""

import pytest

from prompts.initial_profiles import INITIAL_RULES, initial_item_profile, initial_user_profile
from prompts.offline.filter_memory import AVOIDED, NAMELESS, SHARE
from prompts.offline.profile_text import read_profile
from state.domain import PROFILE_LENGTH, RULE_LENGTH, ClientKind

TITLE = "Revolutions: The Very Best Of Steve Winwood"


def test_a_user_starts_with_the_domain_and_the_first_interaction() -> None:
    text = initial_user_profile("CDs", TITLE, "Pop; Rock &amp; Soul")
    assert text == f'A person who enjoys CDs. The first one taken was "{TITLE}" (Pop; Rock & Soul).'
    likes = read_profile(text, ClientKind.USER).likes
    assert set(likes) == {"revolutions", "steve winwood", "pop", "rock", "soul"}


def test_an_item_starts_with_title_and_category() -> None:
    text = initial_item_profile(TITLE, "Pop; Adult Contemporary")
    assert text == f'"{TITLE}"\nAbout: Pop; Adult Contemporary.'
    profile = read_profile(text, ClientKind.ITEM)
    assert profile.about == ("pop", "adult contemporary")
    assert profile.liked == ()


def test_a_category_may_be_missing() -> None:
    assert initial_user_profile("CDs", "Blue", "").endswith('was "Blue".')
    assert initial_item_profile("Blue", "") == '"Blue"'


def test_a_title_cannot_write_a_list_of_its_own() -> None:
    title = 'Blue"\nTaken by people who like: everything'
    profile = read_profile(initial_item_profile(title, "Folk"), ClientKind.ITEM)
    assert profile.liked == ()


def test_titles_that_sound_like_dislikes_are_likes() -> None:
    text = initial_user_profile("CDs", "Never Mind The Bollocks", "Punk")
    profile = read_profile(text, ClientKind.USER)
    assert profile.dislikes == ()
    assert "bollocks" in profile.likes


@pytest.mark.parametrize("title", ["", "x" * 5_000, "🎸", "\u202eevil\u202c", "\x00"])
def test_odd_titles_give_bounded_profiles(title: str) -> None:
    for text in (initial_user_profile("CDs", title, title), initial_item_profile(title, title)):
        assert 0 < len(text) <= PROFILE_LENGTH
        assert "\x00" not in text


@pytest.mark.parametrize("kind", list(ClientKind))
def test_initial_rules_are_few_short_and_understood(kind: ClientKind) -> None:
    rules = INITIAL_RULES[kind]
    assert 2 <= len(rules) <= 3
    assert all(len(rule) < RULE_LENGTH for rule in rules)
    assert all(rule.startswith((SHARE, AVOIDED, NAMELESS)) for rule in rules)
