"""The offline answers to `merge` and `optimize_filter_memory`: the rules of a filter memory.

    Let in messages about: folk rock; piano.
    Keep out messages about: techno; trance.
    Take in messages that share a theme with what this person enjoys.
    Keep out messages that are mostly about what this person avoids.
    Keep out messages that name no tastes.

The first rule that speaks to a message decides, except that the demand for a shared theme comes
last. A rule that begins with other words decides nothing. Reading is lexical.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from prompts.initial_profiles import INITIAL_RULES
from prompts.merge import Merge, MergeFields, MessageDecision, Named
from prompts.offline.phrases import distinct, phrase_key, stems, without
from prompts.offline.profile_text import Profile, read_message, read_profile, write_profile
from prompts.offline.suggestions import Order, read_orders
from prompts.optimize import OptimizedFilterMemory, OptimizeFilterMemoryFields
from state.domain import RULE_LENGTH

HEAD = 8
"""A message is judged by its newest phrases: what stands behind them was heard before."""
TOPIC_SHARE = 1 / 3
"""A message is about blocked topics when this part of its head names them."""
NEW_FROM_ONE = 6
"""New phrases that one message may bring, so that no message fills the list alone."""
RULES_KEPT = 8
TOPICS_HELD = 10

SHARE = "Take in messages that share a theme"
AVOIDED = "Keep out messages that are mostly about what this person avoids"
NAMELESS = "Keep out messages that name no tastes"


def merge(fields: MergeFields) -> Merge:
    """Return the profile with what the rules let in, and a decision on each message."""
    profile = read_profile(fields.profile, fields.kind)
    rules = [(rule, read_orders(rule.text)) for rule in fields.rules]
    blocked = [topic for _, topics in rules for topic in topics[Order.BLOCK]]
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
        decisions.append(
            MessageDecision(message=message.name, accepted=not against, rule=against, reason=reason)
        )
    merged = replace(profile, heard=distinct([*news, *profile.heard]))
    return Merge(profile=write_profile(merged), filter_decisions=decisions)


def optimize_filter_memory(fields: OptimizeFilterMemoryFields) -> OptimizedFilterMemory:
    """Return the rules after the feedback; a topic is let in or kept out, never both.

    At most one rule lets topics in and one keeps topics out; other rules are kept word for word.
    """
    orders = read_orders(fields.suggestion)
    block, admit = orders[Order.BLOCK], orders[Order.ADMIT]
    rules = list(fields.rules)
    if block or admit:
        blocked = [*block, *(t for rule in rules for t in read_orders(rule)[Order.BLOCK])]
        admitted = [t for rule in rules for t in read_orders(rule)[Order.ADMIT]]
        rules = [
            _write_topics(Order.ADMIT, distinct([*admit, *without(admitted, block)])),
            _write_topics(Order.BLOCK, distinct(without(blocked, admit))),
            *(rule for rule in rules if not rule.startswith((Order.ADMIT, Order.BLOCK))),
        ]
    kept = [rule for rule in rules if rule.strip()][:RULES_KEPT]
    return OptimizedFilterMemory(rules=kept or list(INITIAL_RULES[fields.kind]))


def _write_topics(aim: Order, topics: Sequence[str]) -> str:
    """Return a rule about topics, newest first; those that find no room are left out."""
    text = ""
    for topic in topics[:TOPICS_HELD]:
        longer = f"{text}; {topic}" if text else f"{aim}: {topic}"
        if len(longer) >= RULE_LENGTH:
            break
        text = longer
    return f"{text}." if text else ""


def _find_against(
    rules: Sequence[tuple[Named, Mapping[Order, Sequence[str]]]],
    profile: Profile,
    phrases: Sequence[str],
) -> str:
    """Return the name of the rule that keeps a message out; empty where it may come in."""
    for rule, topics in rules:
        if any(_matches(phrase, topics[Order.ADMIT]) for phrase in phrases):
            return ""
        if (
            (rule.text.startswith(NAMELESS) and not phrases)
            or _is_about(phrases, topics[Order.BLOCK], TOPIC_SHARE)
            or (rule.text.startswith(AVOIDED) and _is_about(phrases, profile.dislikes, 1 / 2))
        ):
            return rule.name
    demand = next((rule.name for rule, _ in rules if rule.text.startswith(SHARE)), "")
    return "" if _share_theme(profile.known, phrases) else demand


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
