"""How well an item fits a user: overlap of words and phrases, blind to place and to length.

A taste weighs the more the newer it is, one only heard of weighs less, an avoided one counts
against. What all options of a prompt share counts for nothing. Lexical: it knows no meaning.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from prompts.offline.phrases import distinct, phrase_key, salient_phrases, stems
from prompts.offline.profile_text import read_profile
from prompts.predict import Option
from state.domain import ClientKind

Weights = Mapping[str, float]

HEARD = 0.5
AVOIDED = -0.5
"""What a taste only heard of, and an avoided one, weigh beside an enjoyed one."""
LEARNED_SHARE = 0.5
"""What the tastes of those who took an item weigh beside its own words."""
OLDEST = 0.8
"""What the last phrase of a list weighs beside its first."""
LENGTH = 0.75
"""Exponent between cosine (0.5), which favours long texts, and the mean (1), short ones."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An option with its score and the user's phrases that speak for it."""

    option: Option
    score: float
    matches: tuple[str, ...]


def ranked(user: str, options: Sequence[Option]) -> list[Scored]:
    """Return the options, best first; equal scores are ordered by a hash of the two texts."""
    taste = taste_of(user)
    rarity = _rarity([_own(o) | _learned(o) for o in options])
    scored = [
        Scored(option, score, _matches(user, option, rarity))
        for option, score in zip(options, _scores(taste, options, rarity), strict=True)
    ]
    return sorted(scored, key=lambda s: (-s.score, _lot(user, s.option), s.option.name))


def matching(user: str, option: Option, other: Option) -> tuple[str, ...]:
    """Return the user's phrases that speak for `option` and not for `other`."""
    rarity = _rarity([_own(option) | _learned(option), _own(other) | _learned(other)])
    return _matches(user, option, rarity)


@lru_cache(maxsize=4_096)
def taste_of(user: str) -> Weights:
    """Return the weight of each word and phrase in a user's profile."""
    profile = read_profile(user, ClientKind.USER)
    taste: dict[str, float] = defaultdict(float)
    for phrases, weight in (
        (profile.likes, 1.0),
        (profile.heard, HEARD),
        (profile.dislikes, AVOIDED),
    ):
        for feature, value in _features(phrases).items():
            held = taste[feature]
            # One strong sign, not many weak ones: a repeated word must not outweigh a phrase.
            taste[feature] = max(held, weight * value) if weight > 0 else held + weight * value
    return dict(taste)


def _features(phrases: Sequence[str]) -> dict[str, float]:
    """Return words and whole phrases with weights that fall slowly along the list."""
    found: dict[str, float] = {}
    fall = (1.0 - OLDEST) / max(1, len(phrases) - 1)
    for place, phrase in enumerate(phrases):
        parts, weight = stems(phrase), 1.0 - fall * place
        for part in parts:
            found[part] = max(found.get(part, 0.0), weight / math.sqrt(len(parts)))
        if len(parts) > 1:
            found[phrase_key(phrase)] = weight
    return found


@lru_cache(maxsize=8_192)
def _item_features(title: str, profile: str) -> tuple[dict[str, float], dict[str, float]]:
    item = read_profile(profile, ClientKind.ITEM)
    own = distinct([*item.about, *salient_phrases(title), *item.own])
    # What an item only heard of does not count before somebody took it for that: messages reach
    # all items of a kind alike, and would blur what their takers have said.
    return dict.fromkeys(_features(own), 1.0), _features(item.liked)


def _own(option: Option) -> dict[str, float]:
    return _item_features(option.title, option.profile)[0]


def _learned(option: Option) -> dict[str, float]:
    return _item_features(option.title, option.profile)[1]


def _rarity(texts: Sequence[Mapping[str, float]]) -> Weights:
    held = Counter(feature for text in texts for feature in text)
    # A lone option shares with nobody, and everything it says counts.
    among = max(2, len(texts))
    return {feature: math.log(among / count) for feature, count in held.items()}


def _scores(taste: Weights, options: Sequence[Option], rarity: Weights) -> list[float]:
    """Return the fit of each option: of its own words, and of what it learned beside the others.

    What is learned counts by how far it lies above or below the average of the options that learned
    something. Else an item would win by having been taken at all, for it has more words to match.
    """
    own = [_fit(taste, _own(option), rarity) for option in options]
    learned = [_fit(taste, _learned(o), rarity) if _learned(o) else None for o in options]
    fits = [fit for fit in learned if fit is not None]
    usual = math.fsum(fits) / len(fits) if fits else 0.0
    return [
        round(said + LEARNED_SHARE * (0.0 if fit is None else fit - usual), 9)
        for said, fit in zip(own, learned, strict=True)
    ]


def _fit(taste: Weights, text: Mapping[str, float], rarity: Weights) -> float:
    """Return the overlap of a taste with a text, normalised by the text's length."""
    overlap = math.fsum(
        taste[feature] * weight * rarity[feature]
        for feature, weight in text.items()
        if feature in taste
    )
    size = math.fsum(weight * weight for weight in text.values())
    return overlap / size**LENGTH if overlap else 0.0


def _matches(user: str, option: Option, rarity: Weights) -> tuple[str, ...]:
    features = _own(option) | _learned(option)
    profile = read_profile(user, ClientKind.USER)
    return tuple(
        phrase
        for phrase in profile.known
        if all(rarity.get(part, 0.0) > 0.0 for part in stems(phrase) if part in features)
        and any(part in features for part in stems(phrase))
    )


def _lot(user: str, option: Option) -> int:
    return crc32("\0".join((user, option.title, option.profile)).encode("utf-8", "replace"))
