"""Profiles and messages as the offline model reads and writes them.

A profile is free text, kept as it is, and below it labelled lists, newest first:

    A person who enjoys CDs. The first one taken was "Tapestry" (Pop; Adult Contemporary).
    Enjoys: folk rock; laurel canyon.
    Lately hears of: singer-songwriter; piano.
    Avoids: death metal.

An item's lists are `About`, `Taken by people who like`, `May suit people who like`. A router's text
is a message of `Lately taken here`, `Also liked here` and `Liked here`. Any other text is prose:
all its phrases count, except those that it says are disliked. Reading is lexical.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from prompts.offline.phrases import distinct, listed_phrases, salient_phrases
from state.domain import PROFILE_LENGTH, ClientKind, clean

MESSAGE_HELD = 24
"""How many phrases a message holds; what is older falls off its end."""
_HELD = {"about": 14, "liked": 14, "heard": 12, "avoided": 8}
"""The same for each list of a profile."""

NOTHING_KNOWN = "Nothing is known of this community yet."

_LABELS = {
    ClientKind.USER: {"liked": "Enjoys", "heard": "Lately hears of", "avoided": "Avoids"},
    ClientKind.ITEM: {
        "about": "About",
        "liked": "Taken by people who like",
        "heard": "May suit people who like",
        "avoided": "Not for people who like",
    },
}
_AVOIDED = {labels["avoided"].lower() for labels in _LABELS.values()}
_LATELY, _ALSO, _LIKED = "Lately taken here", "Also liked here", "Liked here"

_ALL_LABELS = [label for labels in _LABELS.values() for label in labels.values()]
_LABEL_LINE = re.compile(
    rf"^[ \t]*({'|'.join([*_ALL_LABELS, _LATELY, _ALSO, _LIKED])})[ \t]*:[ \t]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_DOMAIN_SENTENCE = re.compile(r"^\s*A person who enjoys [^.\n]{1,200}\.")
_CUE = re.compile(
    r"""(?P<quoted>"[^"\n]*"|“[^”\n]*”)
    |(?P<end>[.!?]\s|\n)
    |(?P<against>\b(?:avoid(?:s|ed|ing)?|dislik(?:es|ed|ing|e)|hat(?:es|ed|e)|reject(?:s|ed)?|tired\s+of
        |no(?:\s+longer)?|never|not|cannot|can't|don['’]t|doesn['’]t|didn['’]t)\b
        (?:\s+(?:really|much|very|to|any|longer|like|enjoy|want|love|care\s+for|interested\s+in))*)
    |(?P<towards>\b(?:but|enjoy(?:s|ed)?|lik(?:es|ed)|lov(?:es|ed|e)|prefer(?:s|red)?|favou?rs?)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words by which prose turns to likes or to dislikes."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A client's profile, read."""

    kind: ClientKind
    free: str
    """What stands above the lists, kept as it was written."""
    own: tuple[str, ...] = ()
    """Phrases of the free text: tastes of a user, the title of an item."""
    own_avoided: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    liked: tuple[str, ...] = ()
    """What a user enjoys, or what the people who take an item like."""
    heard: tuple[str, ...] = ()
    """What came by messages and no interaction has confirmed yet."""
    avoided: tuple[str, ...] = ()

    @property
    def likes(self) -> tuple[str, ...]:
        """What the client itself stands for, newest first; nothing that it only heard of."""
        if self.kind is ClientKind.USER:
            return distinct([*self.liked, *self.own])
        return distinct([*self.about, *self.own, *self.liked])

    @property
    def known(self) -> tuple[str, ...]:
        """All that speaks for the client, heard phrases included."""
        return distinct([*self.likes, *self.heard])

    @property
    def dislikes(self) -> tuple[str, ...]:
        """What the client avoids, in its list or in its prose."""
        return distinct([*self.avoided, *self.own_avoided])


@lru_cache(maxsize=4_096)
def read_profile(text: str, kind: ClientKind) -> Profile:
    """Return the profile that `text` writes out."""
    free, lists = _sections(text)
    slots = {slot: distinct(lists.get(label.lower(), ())) for slot, label in _LABELS[kind].items()}
    if kind is ClientKind.ITEM:
        return Profile(kind, free, own=salient_phrases(free), **slots)
    own, avoided = map(salient_phrases, _stances(_DOMAIN_SENTENCE.sub("", free)))
    return Profile(kind, free, own, avoided, **slots)


@lru_cache(maxsize=4_096)
def read_message(text: str) -> tuple[str, ...]:
    """Return the tastes that a message names, newest first.

    It is a router's text, or a client's whole profile: what that avoids is no taste.
    """
    prose, lists = _liked(text)
    return distinct([*chain.from_iterable(lists), *salient_phrases(prose)])


def write_profile(profile: Profile) -> str:
    """Return the profile as text, never empty; the free text gives way where there is no room."""
    lists = [
        _line(label, getattr(profile, slot)[: _HELD[slot]])
        for slot, label in _LABELS[profile.kind].items()
    ]
    below = "\n".join(line for line in lists if line)
    free = clean(profile.free, PROFILE_LENGTH - len(below) - 1)
    text = "\n".join(part for part in (free, below) if part)
    return text or "Nothing is known here yet."


def write_message(newest: Iterable[str], older: Iterable[str] = ()) -> str:
    """Return a router's text: what is newest, then what was there before, bounded."""
    first = distinct(newest)[:MESSAGE_HELD]
    rest = distinct([*first, *older])[len(first) : MESSAGE_HELD]
    if not first:
        return _line(_LIKED, rest) or NOTHING_KNOWN
    if not rest:
        return _line(_LIKED, first)
    return f"{_line(_LATELY, first)}\n{_line(_ALSO, rest)}"


def without_scaffolding(text: str) -> str:
    """Return what a profile or message says of its owner: no labels, nothing it avoids."""
    prose, lists = _liked(text)
    return "\n".join([prose, *map("; ".join, lists)])


def _liked(text: str) -> tuple[str, list[tuple[str, ...]]]:
    """Return the prose and the lists of a text, without what they say is avoided."""
    free, lists = _sections(text)
    prose, _ = _stances(_DOMAIN_SENTENCE.sub("", free.replace(NOTHING_KNOWN, "")))
    return prose, [phrases for label, phrases in lists.items() if label not in _AVOIDED]


def _sections(text: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    lists: dict[str, tuple[str, ...]] = {}
    for found in _LABEL_LINE.finditer(text):
        label, entries = found.group(1).lower(), listed_phrases(found.group(2).rstrip(" .\t"))
        lists[label] = (*lists.get(label, ()), *entries)
    free = _LABEL_LINE.sub("", text) if lists else text
    return "\n".join(line for line in map(str.strip, free.splitlines()) if line), lists


def _line(label: str, phrases: tuple[str, ...]) -> str:
    return f"{label}: {'; '.join(phrases)}." if phrases else ""


def _stances(prose: str) -> tuple[str, str]:
    """Return what prose says is liked, and what it says is disliked.

    A cue holds until the next one or the end of its sentence; titles in quotes hold no cues, for
    `"Never Mind"` dislikes nothing.
    """
    liked: list[str] = []
    disliked: list[str] = []
    start, held = 0, liked
    for cue in _CUE.finditer(prose):
        if not cue.group("quoted"):
            held.append(prose[start : cue.start()].strip())
            start, held = cue.end(), disliked if cue.group("against") else liked
    held.append(prose[start:].strip())
    return "; ".join(filter(None, liked)), "; ".join(filter(None, disliked))
