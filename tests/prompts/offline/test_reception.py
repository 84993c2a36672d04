"""How the offline model receives messages and keeps its rules: merge, optimize_filter_memory."""

from collections.abc import Sequence

import pytest

from prompts.initial_profiles import INITIAL_RULES
from prompts.merge import Merge, MergeFields, MessageDecision, Named
from prompts.offline.filter_memory import merge, optimize_filter_memory
from prompts.offline.profile_text import read_profile
from prompts.optimize import OptimizeFilterMemoryFields
from state.domain import RULE_LENGTH, ClientKind

USER = "A person who enjoys CDs.\nEnjoys: folk rock; laurel canyon.\nAvoids: techno; trance."
FOLK = "Lately taken here: banjo; mandolin.\nAlso liked here: folk rock; field recordings."
POLKA = "Liked here: polka; brass bands; accordion."
TECHNO = "Liked here: acid techno; trance; warehouse nights."


def _merge(profile: str, rules: Sequence[str], *messages: str) -> Merge:
    return merge(
        MergeFields(
            kind=ClientKind.USER,
            profile=profile,
            rules=tuple(Named(name=f"rule {n}", text=t) for n, t in enumerate(rules, 1)),
            messages=tuple(Named(name=f"message {n}", text=t) for n, t in enumerate(messages, 1)),
        )
    )


def _decisions(reply: Merge) -> list[tuple[bool, str]]:
    return [(decision.accepted, decision.rule) for decision in reply.filter_decisions]


def _rules(rules: Sequence[str], suggestion: str) -> list[str]:
    fields = OptimizeFilterMemoryFields(
        kind=ClientKind.USER, rules=tuple(rules), reward=0, suggestion=suggestion
    )
    return optimize_filter_memory(fields).rules


def test_initial_rules_accept_shared_themes_and_cite_the_rule_otherwise() -> None:
    reply = _merge(USER, INITIAL_RULES[ClientKind.USER], FOLK, POLKA, TECHNO, "")
    assert _decisions(reply) == [
        (True, ""),
        (False, "rule 1"),
        (False, "rule 2"),
        (False, "rule 3"),
    ]
    assert "Lately hears of: banjo; mandolin; field recordings." in reply.profile
    assert reply.filter_decisions[0] == MessageDecision(
        message="message 1",
        accepted=True,
        rule="",
        reason="brings banjo, mandolin, field recordings",
    )


def test_without_rules_every_message_comes_in_newest_first() -> None:
    reply = _merge(USER, (), POLKA, FOLK)
    assert _decisions(reply) == [(True, ""), (True, "")]
    heard = read_profile(reply.profile, ClientKind.USER).heard
    assert heard[:4] == ("polka", "brass bands", "accordion", "banjo")


def test_what_is_heard_stays_apart_from_what_is_enjoyed_and_is_bounded() -> None:
    many = ["Liked here: " + "; ".join(f"tone{m}x{n}" for n in range(20)) for m in range(6)]
    reply = _merge(USER, (), *many)
    profile = read_profile(reply.profile, ClientKind.USER)
    assert profile.liked == ("folk rock", "laurel canyon")
    assert len(profile.heard) == 12
    assert {phrase[:6] for phrase in profile.heard} == {"tone0x", "tone1x"}


def test_known_phrases_are_not_repeated() -> None:
    reply = _merge(USER, (), "Liked here: Folk Rocks; laurel canyon.")
    assert reply.profile == USER
    assert reply.filter_decisions[0].reason == "says nothing new"


def test_a_rule_about_topics_keeps_messages_and_phrases_out() -> None:
    rules = ["Keep out messages about: polka; brass."]
    reply = _merge(USER, rules, POLKA, FOLK + "\nAnd brass quintets.")
    assert _decisions(reply) == [(False, "rule 1"), (True, "")]
    assert "brass" not in reply.profile


def test_a_rule_that_lets_topics_in_stands_above_the_shared_theme() -> None:
    rules = ["Let in messages about polka.", *INITIAL_RULES[ClientKind.USER]]
    assert _decisions(_merge(USER, rules, POLKA)) == [(True, "")]


def test_a_profile_in_prose_is_merged_below_its_own_words() -> None:
    prose = "He plays the banjo and loves folk rock."
    reply = _merge(prose, INITIAL_RULES[ClientKind.USER], FOLK)
    assert reply.profile == f"{prose}\nLately hears of: mandolin; field recordings."


def test_an_item_notes_whom_it_may_suit() -> None:
    fields = MergeFields(
        kind=ClientKind.ITEM,
        profile='"Blue"\nAbout: folk rock.',
        rules=(),
        messages=(Named(name="message 1", text=FOLK),),
    )
    assert merge(fields).profile.endswith(
        "May suit people who like: banjo; mandolin; field recordings."
    )


def test_feedback_keeps_topics_out_in_one_rule() -> None:
    once = _rules(INITIAL_RULES[ClientKind.USER], "Keep out messages about: polka; brass.")
    assert once == ["Keep out messages about: polka; brass.", *INITIAL_RULES[ClientKind.USER]]
    twice = _rules(once, "It let in what misled. Keep out messages about: techno.")
    assert twice == [
        "Keep out messages about: techno; polka; brass.",
        *INITIAL_RULES[ClientKind.USER],
    ]


def test_a_topic_that_is_let_in_is_no_longer_kept_out() -> None:
    rules = _rules(["Keep out messages about: polka; brass."], "Let in messages about: polka.")
    assert rules == ["Let in messages about: polka.", "Keep out messages about: brass."]
    assert _rules(rules, "Keep out messages about: polka.") == [
        "Keep out messages about: polka; brass."
    ]


def test_the_rules_do_what_they_were_rewritten_for() -> None:
    rules = _rules(INITIAL_RULES[ClientKind.USER], "Let in messages about: polka.")
    assert _decisions(_merge(USER, rules, POLKA)) == [(True, "")]


@pytest.mark.parametrize("suggestion", ["", "Keep these rules: what they let in helped.", "Hm"])
def test_rules_stay_word_for_word_where_nothing_is_asked(suggestion: str) -> None:
    rules = ["Take in only messages that a friend would send.", *INITIAL_RULES[ClientKind.USER]]
    assert _rules(rules, suggestion) == rules


def test_rules_stay_few_short_and_are_never_none() -> None:
    rules: list[str] = _rules((), "")
    assert rules == list(INITIAL_RULES[ClientKind.USER])
    for n in range(30):
        topics = "; ".join(f"a topic of some length {n}x{m}" for m in range(5))
        rules = _rules([*rules, f"Custom rule {n}"], f"Keep out messages about: {topics}.")
    assert len(rules) == 8
    assert all(len(rule) <= RULE_LENGTH for rule in rules)
    assert sum(rule.startswith("Keep out messages about:") for rule in rules) == 1
