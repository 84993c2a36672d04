"""The rules of a filter memory as the offline model reads and writes them.

    Let in messages about: folk rock; piano.
    Keep out messages about: techno; trance.
    Take in messages that share a theme with what this person enjoys.
    Keep out messages that are mostly about what this person avoids.
    Keep out messages that name no tastes.

The first rule that speaks to a message decides, except that the demand for a shared theme comes
last. A rule of another kind decides nothing. Reading is lexical.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prompts.offline.phrases import listed_phrases, phrase_key, salient_phrases, stems
from prompts.offline.profile_text import Profile
from state.domain import RULE_LENGTH


class Aim(StrEnum):
    """What a rule does."""

    ADMIT = "Let in messages about"
    BLOCK = "Keep out messages about"
    SHARE = "share"
    AVOIDED = "avoided"
    NAMELESS = "nameless"
    UNREAD = "unread"


HEAD = 8
"""A message is judged by its newest phrases: what stands behind them was heard before."""
TOPIC_SHARE = 1 / 3
"""A message is about blocked topics when this part of its head names them."""

_OUT = re.compile(
    r"\s*(?:please\s+)?(?:keep out|block|filter out|ignore|reject|refuse|do not (?:let|take) in)\b",
    re.I,
)
_IN = re.compile(r"\s*(?:please\s+)?(?:take in|let in|let through|allow|admit|accept|keep)\b", re.I)
_ABOUT = re.compile(r"\b(?:about|on|of|regarding|with|naming|that (?:mention|name)s?)\b\s*:?", re.I)
_SHARE = re.compile(r"\b(?:shares?|sharing|in common|overlaps?|related)\b", re.I)
_AVOIDED = re.compile(r"\b(?:person|user|item|it|they) (?:avoids?|dislikes?)\b", re.I)
_NAMELESS = re.compile(r"\bname(?:s)? (?:no|nothing)\b", re.I)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, read."""

    name: str
    aim: Aim
    topics: tuple[str, ...] = ()


def read_rule(name: str, text: str) -> Rule:
    """Return what the rule asks for."""
    out = _OUT.match(text)
    if out and _AVOIDED.search(text):
        return Rule(name, Aim.AVOIDED)
    if out and _NAMELESS.search(text):
        return Rule(name, Aim.NAMELESS)
    start = out or _IN.match(text)
    if start and not out and _SHARE.search(text):
        return Rule(name, Aim.SHARE)
    about = _ABOUT.search(text, start.end()) if start else None
    if about is None:
        return Rule(name, Aim.UNREAD)
    topics = text[about.end() :].rstrip(" .")
    found = (
        listed_phrases(topics) if ";" in topics or ":" in about.group() else salient_phrases(topics)
    )
    return Rule(name, Aim.BLOCK if out else Aim.ADMIT, found)


def write_topic_rule(aim: Aim, topics: Iterable[str]) -> str:
    """Return a rule about topics, newest first; those that find no room are left out."""
    text = ""
    for topic in topics:
        longer = f"{text}; {topic}" if text else f"{aim}: {topic}"
        if len(longer) >= RULE_LENGTH:
            break
        text = longer
    return f"{text}." if text else ""


def matches(phrase: str, topics: Iterable[str]) -> bool:
    """Return whether a phrase names one of the topics: `progressive rock` names `rock`."""
    parts = set(stems(phrase))
    return any(parts.issuperset(stems(topic)) for topic in topics)


def keeps_out(rules: Sequence[Rule], profile: Profile, phrases: Sequence[str]) -> Rule | None:
    """Return the rule that keeps out a message of `phrases`, or None where it may come in."""
    for rule in rules:
        if rule.aim is Aim.ADMIT and any(matches(p, rule.topics) for p in phrases):
            return None
        if _blocks(rule, profile, phrases):
            return rule
    demand = next((rule for rule in rules if rule.aim is Aim.SHARE), None)
    return None if demand is None or shares_theme(profile, phrases) else demand


def unwanted(rules: Sequence[Rule], profile: Profile) -> tuple[str, ...]:
    """Return the topics that no part of a message may bring in."""
    blocked = [topic for rule in rules if rule.aim is Aim.BLOCK for topic in rule.topics]
    heeds_avoided = any(rule.aim is Aim.AVOIDED for rule in rules)
    return (*blocked, *(profile.dislikes if heeds_avoided else ()))


def shares_theme(profile: Profile, phrases: Sequence[str]) -> bool:
    """Return whether profile and message hold one phrase, or two words, in common."""
    known = profile.known
    if {phrase_key(p) for p in known} & {phrase_key(p) for p in phrases}:
        return True
    ours = {part for phrase in known for part in stems(phrase)}
    return len(ours & {part for phrase in phrases for part in stems(phrase)}) > 1


def _blocks(rule: Rule, profile: Profile, phrases: Sequence[str]) -> bool:
    if rule.aim is Aim.NAMELESS:
        return not phrases
    if rule.aim is Aim.BLOCK:
        return _is_about(phrases, rule.topics)
    return rule.aim is Aim.AVOIDED and _is_about(phrases, profile.dislikes, share=1 / 2)


def _is_about(phrases: Sequence[str], topics: Sequence[str], share: float = TOPIC_SHARE) -> bool:
    """Return whether enough of the message's head names a topic."""
    head = phrases[:HEAD]
    hits = sum(matches(phrase, topics) for phrase in head)
    return hits > 0 and hits >= share * len(head)
