"""The offline answer to `merge`: reception through the rules of a filter memory. Lexical."""

from collections.abc import Sequence
from dataclasses import replace

from prompts.merge import Merge, MergeFields, MessageDecision, Named
from prompts.offline.phrases import distinct, without
from prompts.offline.profile_text import (
    HEARD_HELD,
    Profile,
    read_message,
    read_profile,
    write_profile,
)
from prompts.offline.rules import Rule, keeps_out, matches, read_rule, unwanted

NEW_FROM_ONE = 6
"""New phrases that one message may bring, so that no message fills the list alone."""


def merge(fields: MergeFields) -> Merge:
    """Return the profile with what the rules let in, and a decision on each message."""
    profile = read_profile(fields.profile, fields.kind)
    rules = [read_rule(rule.name, rule.text) for rule in fields.rules]
    closed = (*unwanted(rules, profile), *profile.dislikes)
    news: list[str] = []
    filter_decisions: list[MessageDecision] = []
    for message in fields.messages:
        decision, brought = _receive(message, profile, rules, closed, news)
        filter_decisions.append(decision)
        news.extend(brought)
    heard = distinct([*news, *profile.heard])[:HEARD_HELD]
    return Merge(
        profile=write_profile(replace(profile, heard=heard)), filter_decisions=filter_decisions
    )


def _receive(
    message: Named,
    profile: Profile,
    rules: Sequence[Rule],
    closed: Sequence[str],
    news: Sequence[str],
) -> tuple[MessageDecision, tuple[str, ...]]:
    phrases = read_message(message.text)
    if against := keeps_out(rules, profile, phrases):
        reason = f"names {_some(phrases)}" if phrases else "names no tastes"
        return _decision(message, reason, against), ()
    fresh = without(phrases, [*profile.likes, *news])
    brought = tuple(p for p in fresh if not matches(p, closed))[:NEW_FROM_ONE]
    reason = f"brings {_some(brought)}" if brought else "says nothing new"
    return _decision(message, reason), brought


def _decision(message: Named, reason: str, against: Rule | None = None) -> MessageDecision:
    return MessageDecision(
        message=message.name,
        accepted=against is None,
        rule=against.name if against else "",
        reason=reason,
    )


def _some(phrases: Sequence[str]) -> str:
    return ", ".join(phrases[:3])
