"""The offline answers to `merge` and `optimize_filter_memory`: the rules of a filter memory.

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
from dataclasses import dataclass, replace
from enum import StrEnum

from prompts.initial_profiles import INITIAL_RULES
from prompts.merge import Merge, MergeFields, MessageDecision
from prompts.offline.phrases import (
    distinct,
    listed_phrases,
    phrase_key,
    salient_phrases,
    stems,
    without,
)
from prompts.offline.profile_text import Profile, read_message, read_profile, write_profile
from prompts.offline.suggestions import Order, read_orders
from prompts.optimize_filter_memory import OptimizedFilterMemory, OptimizeFilterMemoryFields
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
NEW_FROM_ONE = 6
"""New phrases that one message may bring, so that no message fills the list alone."""
RULES_KEPT = 8
TOPICS_HELD = 10

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


def merge(fields: MergeFields) -> Merge:
    """Return the profile with what the rules let in, and a decision on each message."""
    profile = read_profile(fields.profile, fields.kind)
    rules = [read_rule(rule.name, rule.text) for rule in fields.rules]
    blocked = [topic for rule in rules if rule.aim is Aim.BLOCK for topic in rule.topics]
    news: list[str] = []
    decisions: list[MessageDecision] = []
    for message in fields.messages:
        phrases = read_message(message.text)
        if against := _find_against(rules, profile, phrases):
            reason = f"names {', '.join(phrases[:3])}" if phrases else "names no tastes"
        else:
            fresh = without(phrases, [*profile.likes, *news])
            unwanted = (*blocked, *profile.dislikes)
            brought = [p for p in fresh if not _matches(p, unwanted)][:NEW_FROM_ONE]
            news += brought
            reason = f"brings {', '.join(brought[:3])}" if brought else "says nothing new"
        rule = against.name if against else ""
        decisions.append(
            MessageDecision(message=message.name, accepted=not against, rule=rule, reason=reason)
        )
    merged = replace(profile, heard=distinct([*news, *profile.heard]))
    return Merge(profile=write_profile(merged), filter_decisions=decisions)


def optimize_filter_memory(fields: OptimizeFilterMemoryFields) -> OptimizedFilterMemory:
    """Return the rules after the feedback; a topic is let in or kept out, never both.

    At most one rule lets topics in and one keeps topics out; other rules are kept word for word.
    """
    orders = read_orders(fields.suggestion)
    block, admit = orders.get(Order.BLOCK, ()), orders.get(Order.ADMIT, ())
    rules = list(fields.rules)
    if block or admit:
        read = [(text, read_rule("", text)) for text in rules]
        blocked = [topic for _, rule in read if rule.aim is Aim.BLOCK for topic in rule.topics]
        admitted = [topic for _, rule in read if rule.aim is Aim.ADMIT for topic in rule.topics]
        rules = [
            _write_topics(Aim.ADMIT, distinct([*admit, *without(admitted, block)])),
            _write_topics(Aim.BLOCK, distinct([*without(block, admit), *without(blocked, admit)])),
            *(text for text, rule in read if rule.aim not in (Aim.ADMIT, Aim.BLOCK)),
        ]
    kept = [rule for rule in rules if rule.strip()][:RULES_KEPT]
    return OptimizedFilterMemory(rules=kept or list(INITIAL_RULES[fields.kind]))


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
    listed = ";" in topics or ":" in about.group()
    found = listed_phrases(topics) if listed else salient_phrases(topics)
    return Rule(name, Aim.BLOCK if out else Aim.ADMIT, found)


def _write_topics(aim: Aim, topics: Sequence[str]) -> str:
    """Return a rule about topics, newest first; those that find no room are left out."""
    text = ""
    for topic in topics[:TOPICS_HELD]:
        longer = f"{text}; {topic}" if text else f"{aim}: {topic}"
        if len(longer) >= RULE_LENGTH:
            break
        text = longer
    return f"{text}." if text else ""


def _find_against(rules: Sequence[Rule], profile: Profile, phrases: Sequence[str]) -> Rule | None:
    """Return the rule that keeps out a message of `phrases`, or None where it may come in."""
    for rule in rules:
        if rule.aim is Aim.ADMIT and any(_matches(p, rule.topics) for p in phrases):
            return None
        if (
            (rule.aim is Aim.NAMELESS and not phrases)
            or (rule.aim is Aim.BLOCK and _is_about(phrases, rule.topics, TOPIC_SHARE))
            or (rule.aim is Aim.AVOIDED and _is_about(phrases, profile.dislikes, 1 / 2))
        ):
            return rule
    demand = next((rule for rule in rules if rule.aim is Aim.SHARE), None)
    return None if demand is None or _share_theme(profile.known, phrases) else demand


def _share_theme(known: Sequence[str], phrases: Sequence[str]) -> bool:
    """Return whether profile and message hold one phrase, or two words, in common."""
    ours = {part for phrase in known for part in stems(phrase)}
    theirs = {part for phrase in phrases for part in stems(phrase)}
    common = set(map(phrase_key, known)) & set(map(phrase_key, phrases))
    return bool(common) or len(ours & theirs) > 1


def _matches(phrase: str, topics: Iterable[str]) -> bool:
    """Return whether a phrase names one of the topics: `progressive rock` names `rock`."""
    parts = set(stems(phrase))
    return any(parts.issuperset(stems(topic)) for topic in topics)


def _is_about(phrases: Sequence[str], topics: Sequence[str], share: float) -> bool:
    """Return whether enough of the message's head names a topic."""
    head = phrases[:HEAD]
    hits = sum(_matches(phrase, topics) for phrase in head)
    return hits > 0 and hits >= share * len(head)
