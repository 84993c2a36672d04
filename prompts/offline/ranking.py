"""The offline answers to `predict` and `rank`: how well the words of an item fit a user.

A taste weighs more the newer it is; one that was only heard of weighs less, and an avoided one
counts against. What all options of a prompt share counts for nothing. Neither the place nor the
length of an option counts. Lexical: it knows no meaning.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast
from zlib import crc32

from prompts.offline.phrases import distinct, phrase_key, salient_phrases, stems
from prompts.offline.profile_text import read_profile
from prompts.predict import Choice, Option, Predict, PredictFields
from prompts.rank import Rank, Ranked, RankFields
from state.domain import ClientKind

Weights = Mapping[str, float]

HEARD = 0.5
AVOIDED = -0.5
"""The weights of a taste that was only heard of, and of an avoided one; an enjoyed one has 1."""
LEARNED_SHARE = 0.5
"""The weight of what an item learned from those who took it; its own words have 1."""
OLDEST = 0.8
"""The weight of the last phrase of a list; the first one has 1."""
LENGTH = 0.75
"""Exponent between cosine (0.5), which favours long texts, and the mean (1), short ones."""


def predict(fields: PredictFields) -> Predict:
    """Return the better fitting option and the phrases that speak for it."""
    name, reason = _ranked(fields.user, fields.options)[0]
    return Predict(reason=reason, choice=cast("Choice", name))


def rank(fields: RankFields) -> Rank:
    """Return every candidate once, the best fitting first."""
    ranking = _ranked(fields.user, fields.candidates)
    return Rank(ranking=[Ranked(name=name, reason=reason) for name, reason in ranking])


def _ranked(user: str, options: Sequence[Option]) -> list[tuple[str, str]]:
    """Return the names of the options and the reasons for their places, best first.

    Equal scores are ordered by a hash of the two texts.
    """
    items = [_item_features(option.title, option.profile) for option in options]
    features = [{**own, **learned} for own, learned in items]
    held = Counter(feature for text in features for feature in text)
    # A lone option shares with nobody, and everything it says counts.
    among = max(2, len(items))
    rarity = {feature: math.log(among / count) for feature, count in held.items()}
    scores = _scores(_taste(user), items, rarity)
    placed = sorted(
        zip(scores, options, features, strict=True),
        key=lambda entry: (-entry[0], _tie_break(user, entry[1]), entry[1].name),
    )
    return [(option.name, _reason(user, text, rarity)) for _, option, text in placed]


def _reason(user: str, features: Weights, rarity: Weights) -> str:
    """Return the user's phrases that speak for an item."""
    matches = []
    for phrase in read_profile(user, ClientKind.USER).known:
        shared = [part for part in stems(phrase) if part in features]
        if shared and all(rarity.get(part, 0.0) > 0.0 for part in shared):
            matches.append(phrase)
    if not matches:
        return "Nothing in the profile speaks for it."
    return f"The profile speaks for it: {'; '.join(matches[:3])}."


@lru_cache(maxsize=4_096)
def _taste(user: str) -> Weights:
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
def _item_features(title: str, profile: str) -> tuple[Weights, Weights]:
    """Return the weights of an item's own words, and of those it learned from who took it.

    What it only heard of does not count before somebody took it for that: messages reach all items
    of a kind alike, and would blur what their takers have said.
    """
    item = read_profile(profile, ClientKind.ITEM)
    own = distinct([*item.about, *salient_phrases(title), *item.own])
    return dict.fromkeys(_features(own), 1.0), _features(item.liked)


def _scores(
    taste: Weights, items: Sequence[tuple[Weights, Weights]], rarity: Weights
) -> list[float]:
    """Return the fit of each item: of its own words, and of what it learned.

    What is learned counts by how far it lies above or below the average of the items that learned
    something. Else an item would win by having been taken at all, for it has more words to match.
    """
    fits = [_fit(taste, learned, rarity) for _, learned in items if learned]
    usual = math.fsum(fits) / len(fits) if fits else 0.0
    return [
        round(
            _fit(taste, own, rarity)
            + LEARNED_SHARE * (_fit(taste, learned, rarity) - usual if learned else 0.0),
            9,
        )
        for own, learned in items
    ]


def _fit(taste: Weights, text: Weights, rarity: Weights) -> float:
    """Return the overlap of a taste with a text, normalised by the text's length."""
    overlap = math.fsum(
        taste[feature] * weight * rarity[feature]
        for feature, weight in text.items()
        if feature in taste
    )
    size = math.fsum(weight * weight for weight in text.values())
    return overlap / size**LENGTH if overlap else 0.0


def _tie_break(user: str, option: Option) -> int:
    return crc32("\0".join((user, option.title, option.profile)).encode("utf-8", "replace"))
