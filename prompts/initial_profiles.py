"""Initial profiles and rules: what the clients of a network start from."""

from collections.abc import Mapping
from html import unescape
from types import MappingProxyType

from state.domain import PROFILE_LENGTH, TITLE_LENGTH, ClientKind, clean, clean_line

INITIAL_RULES: Mapping[ClientKind, tuple[str, ...]] = MappingProxyType(
    {
        ClientKind.USER: (
            "Take in messages that share a theme with what this person enjoys.",
            "Keep out messages that are mostly about what this person avoids.",
            "Keep out messages that name no tastes.",
        ),
        ClientKind.ITEM: (
            "Take in messages that share a theme with what this item is about.",
            "Keep out messages that name no tastes.",
        ),
    }
)
"""The rules of a new filter memory: a frozen filter memory differs from none."""


def initial_user_profile(domain: str, title: str, category: str) -> str:
    """Return a new user's profile: the domain sentence and exactly the first interaction."""
    taken = f"{_quoted(title)} ({_line(category)})" if _line(category) else _quoted(title)
    profile = f"A person who enjoys {_line(domain)}. The first one taken was {taken}."
    return clean(profile, PROFILE_LENGTH)


def initial_item_profile(title: str, category: str) -> str:
    """Return a new item's profile: its title and category, nothing learned."""
    about = f"\nAbout: {_line(category)}." if _line(category) else ""
    return clean(f"{_quoted(title)}{about}", PROFILE_LENGTH)


def _quoted(title: str) -> str:
    """Return the title in quotes, so that none of it reads as part of the profile's own text."""
    return '"' + _line(title).replace('"', "'") + '"'


def _line(text: str) -> str:
    return clean_line(unescape(text), TITLE_LENGTH)
