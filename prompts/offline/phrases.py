"""Salient phrases of a text, in the manner of RAKE: runs of content words between breaks.

RAKE is Rose et al., 2010, "Automatic keyword extraction from individual documents": a phrase weighs
the sum over its words of degree over frequency. Lexical: nothing here knows what a word means.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from html import unescape
from pathlib import Path

from state.domain import ATTRIBUTE_LENGTH, normalise_attribute

TOKEN = re.compile(r"[^\W_]+(?:['’&-][^\W_]+)*")
"""A word, with inner apostrophes, hyphens and ampersands: `r&b`, `album-oriented`, `today's`."""

_WORDS = Path(__file__).with_name("words.txt")
"""Words without a taste: common English ones, and those that fill titles and profiles."""

PHRASE_WORDS = 4
"""A longer run of content words is a pile, not a phrase, and is cut into groups of three."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_PLAIN_ENTRY = re.compile(rf"{TOKEN.pattern}(?:\s+{TOKEN.pattern})*")


def plain(text: str) -> str:
    """Return `text` as it is matched: HTML entities undone, compatibility forms folded."""
    return unicodedata.normalize("NFKC", unescape(text))


def tokens(text: str) -> list[str]:
    """Return the words of a lower-cased text."""
    return TOKEN.findall(text)


@cache
def _empty_words() -> frozenset[str]:
    lines = _WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def is_content(word: str) -> bool:
    """Return whether a lower-case word can carry a taste."""
    return word not in _empty_words()


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """Return `word` without a possessive or plural ending; nothing else is cut."""
    word = word.replace("’", "'").removesuffix("'s").removesuffix("'")
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=32_768)
def stems(phrase: str) -> tuple[str, ...]:
    """Return the stems of a phrase's content words; of all its words where none carries content."""
    words = tokens(phrase.lower())
    return tuple(stem(word) for word in words if is_content(word)) or tuple(map(stem, words))


@lru_cache(maxsize=32_768)
def phrase_key(phrase: str) -> str:
    """Return what two spellings of one phrase share."""
    return " ".join(stems(phrase))


def distinct(phrases: Iterable[str]) -> tuple[str, ...]:
    """Return the phrases without repetitions, the first spelling of each."""
    held: dict[str, str] = {}
    for phrase in phrases:
        held.setdefault(phrase_key(phrase), phrase)
    held.pop("", None)
    return tuple(held.values())


def without(phrases: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """Return the phrases that `held` does not hold, in their order."""
    keys = {phrase_key(phrase) for phrase in held}
    return tuple(phrase for phrase in phrases if phrase_key(phrase) not in keys)


@lru_cache(maxsize=8_192)
def salient_phrases(text: str) -> tuple[str, ...]:
    """Return the salient phrases of prose or of a title, most salient first."""
    found = list(_runs(plain(text)))
    frequency, degree = Counter[str](), Counter[str]()
    for phrase in found:
        parts = stems(phrase)
        for part in parts:
            frequency[part] += 1
            degree[part] += len(parts)
    often = Counter(map(phrase_key, found))
    weight = {p: sum(degree[s] / frequency[s] for s in stems(p)) for p in found}
    return distinct(sorted(found, key=lambda p: (-often[phrase_key(p)], -weight[p])))


@lru_cache(maxsize=8_192)
def listed_phrases(text: str) -> tuple[str, ...]:
    """Return the entries of a `;`-separated list, in their order.

    An entry that is not a short noun phrase is read as prose.
    """
    found: list[str] = []
    for part in plain(text).split(";"):
        for entry in _SENTENCE_END.split(part):
            phrase = _entry(entry)
            found.extend([phrase] if phrase else salient_phrases(entry))
    return distinct(found)


def _entry(text: str) -> str | None:
    if not _PLAIN_ENTRY.fullmatch(text.strip(" .\t")):
        return None
    words = tokens(normalise_attribute(text) or "")
    while words and not is_content(words[0]):
        words.pop(0)
    while words and not is_content(words[-1]):
        words.pop()
    return _phrase(words)


def _runs(text: str) -> Iterable[str]:
    """Yield the phrases of `text`: content words with nothing but a blank between them."""
    run: list[str] = []
    end = 0
    for found in TOKEN.finditer(text):
        word = found.group().lower()
        if text[end : found.start()].strip(" \t"):
            yield from _cut(run)
            run = []
        if is_content(word):
            run.append(word)
        else:
            yield from _cut(run)
            run = []
        end = found.end()
    yield from _cut(run)


def _cut(run: list[str]) -> Iterable[str]:
    size = 3 if len(run) > PHRASE_WORDS else PHRASE_WORDS
    for start in range(0, len(run), size):
        if phrase := _phrase(run[start : start + size]):
            yield phrase


def _phrase(words: list[str]) -> str | None:
    """Return the words as one phrase, or None where they are only numbers or a single letter."""
    if not words or all(word.isdigit() for word in words):
        return None
    last = words[-1].replace("’", "'").removesuffix("'s")
    phrase = " ".join([*words[:-1], last])
    too_short = len(phrase) < 2 and phrase.isascii()
    return None if too_short or len(phrase) > ATTRIBUTE_LENGTH else phrase
