"""The offline answer to `gradient`: whose words helped or misled, and what to change. Lexical.

It only gives feedback; the optimizers write. It names phrases, never titles or sentences, so that
no item's text can give orders to another module.
"""

import re
from collections.abc import Iterable

from prompts.gradient import CreditAssignment, GradientFields, ModuleFeedback, ModuleView
from prompts.offline.phrases import distinct, salient_phrases, stems, without
from prompts.offline.profile_text import read_message, read_profile
from prompts.offline.suggestions import Order, order, suggestion
from prompts.predict import Option
from state.domain import ClientKind, ModuleKind

LEARNED_NAMED = 3
"""Tastes of an item's takers that its new taker learns: hearsay, so only a few."""

_USER = "user"
_EFFECT = re.compile(
    r"\b(?:(?P<accepted>taken in by)|kept out (?:by rule \d+ )?of)"
    r" (?:(?P<user>user)|item (?P<item>\w+))\b"
)
"""A clause of a router's effect, such as `taken in by user` or `kept out of item B by the rule`."""

Phrases = tuple[str, ...]


def gradient(fields: GradientFields) -> CreditAssignment:
    """Return one entry for each module that took part."""
    prediction = Prediction(fields)
    said = [(module.name, prediction.feedback(module)) for module in fields.modules]
    return CreditAssignment(
        gradients=[
            ModuleFeedback(module=name, involved=bool(text), suggestion=text) for name, text in said
        ]
    )


class Prediction:
    """One prediction: the phrases that speak for one option and not for the other."""

    def __init__(self, fields: GradientFields) -> None:
        self.right = fields.reward > 0
        self.user = read_profile(fields.user, ClientKind.USER)
        options = fields.options
        self.taken = next((o for o in options if o.name == fields.taken), options[0])
        self.other = next(o for o in options if o is not self.taken)
        self._for_taken = _only(self.taken, self.other)
        self._for_other = _only(self.other, self.taken)
        self.misled = _naming(self.user.liked, self._for_other, self._for_taken)
        """Tastes that the user had learned and that spoke for the other option alone."""
        self._routers = [
            (read_message(module.text), *_read_effect(module.effect))
            for module in fields.modules
            if module.kind is ModuleKind.ROUTER
        ]

    def feedback(self, module: ModuleView) -> str:
        """Return what one module should change or keep; empty where it was not involved."""
        match module.kind:
            case ModuleKind.USER_PROFILE:
                return self.feedback_to_user(module.text)
            case ModuleKind.ITEM_PROFILE:
                return self.feedback_to_item(module.text, taken=self._owner(module) is self.taken)
            case ModuleKind.ROUTER:
                return self._feedback_to_router(module)
            case _:
                return self._feedback_to_filter(module)

    def feedback_to_user(self, text: str) -> str:
        """Return what the user's profile should learn from what the user took."""
        user = read_profile(text, ClientKind.USER)
        lacking = without(self._lesson(), user.liked)
        misleading = _naming(without(user.heard, lacking), self._for_other, self._for_taken)
        if self.right:
            confirmed = without(_naming(user.known, self._for_taken), lacking)
            return suggestion(order(Order.KEEP, confirmed, limit=3), order(Order.ADD, lacking))
        return suggestion(
            "It spoke for what was not taken."
            if misleading
            else "It did not speak for what was taken.",
            order(Order.ADD, lacking),
            order(Order.DROP, misleading),
        )

    def feedback_to_item(self, text: str, *, taken: bool) -> str:
        """Return what the taken item should learn of its taker, and the other one unlearn.

        Not being taken says little about an item: only what it merely heard of can mislead.
        """
        item = read_profile(text, ClientKind.ITEM)
        if taken:
            return order(Order.SAY, without(self.user.likes, [*item.about, *item.own, *item.liked]))
        return "" if self.right else order(Order.STOP, _naming(item.heard, self.user.known))

    def _feedback_to_router(self, module: ModuleView) -> str:
        phrases = read_message(module.text)
        accepted, kept_out = _read_effect(module.effect)
        helped, misled = self._spoke(phrases, accepted)
        if misled and not self.right and len(misled) >= len(helped):
            return suggestion("It spoke for what was not taken.", order(Order.STOP, misled))
        return order(Order.GO_ON, helped or self._spoke(phrases, kept_out)[0])

    def _feedback_to_filter(self, module: ModuleView) -> str:
        option = self._owner(module)
        owner = option.name if option else _USER
        let_in = [phrases for phrases, accepted, _ in self._routers if owner in accepted]
        if not let_in and "let in" in module.effect:
            # Routers that are not optimized send no text here; what they said was heard.
            profile = read_profile(option.profile, ClientKind.ITEM) if option else self.user
            let_in = [profile.heard]
        kept_out = [phrases for phrases, _, against in self._routers if owner in against]
        spoke = [self._spoke(phrases, {owner}) for phrases in let_in]
        good = distinct(phrase for helped, _ in spoke for phrase in helped)
        bad = distinct(phrase for _, misled in spoke for phrase in misled)
        missed = distinct(p for phrases in kept_out for p in self._spoke(phrases, {owner})[0])
        if self.right:
            return "Keep these rules: what they let in helped." if good else ""
        misled = "It let in what misled." if bad and len(bad) > len(good) else ""
        return suggestion(
            misled,
            order(Order.BLOCK, bad) if misled else "",
            order(Order.ADMIT, without(missed, bad)),
        )

    def _lesson(self) -> Phrases:
        """What taking the item teaches about a person: what it is, and a little of who takes it."""
        item = read_profile(self.taken.profile, ClientKind.ITEM)
        own = distinct([*item.about, *salient_phrases(self.taken.title), *item.own])
        told = [phrase for phrase in own if phrase in self._for_taken] or list(own)
        return distinct([*told, *without(item.liked, own)[:LEARNED_NAMED]])

    def _owner(self, module: ModuleView) -> Option | None:
        """Return the option whose name ends the module's name; None for the user's modules."""
        words = module.name.split()
        if _USER in words:
            return None
        return next((o for o in (self.taken, self.other) if words[-1:] == [o.name]), None)

    def _spoke(self, phrases: Phrases, receivers: set[str]) -> tuple[Phrases, Phrases]:
        """Return the phrases by which a message spoke for the taken option and for the other one.

        To the user it speaks by naming an option; to an item by naming what the user likes.
        """
        helped: list[str] = []
        misled: list[str] = []
        if _USER in receivers:
            helped.extend(_naming(phrases, self._for_taken, self._for_other))
            misled.extend(_naming(phrases, self._for_other, self._for_taken))
        if self.taken.name in receivers:
            helped.extend(_naming(phrases, self.user.known))
        if self.other.name in receivers:
            misled.extend(_naming(phrases, self.user.known))
        return without(distinct(helped), misled), without(distinct(misled), helped)


def _read_effect(text: str) -> tuple[set[str], set[str]]:
    """Return who accepted a message and who kept it out: the user, or an option by its name."""
    accepted: set[str] = set()
    kept_out: set[str] = set()
    for clause in _EFFECT.finditer(text):
        (accepted if clause["accepted"] else kept_out).add(clause["user"] or clause["item"])
    return accepted, kept_out


def _naming(phrases: Phrases, topics: Iterable[str], against: Iterable[str] = ()) -> Phrases:
    """Return the phrases that share a word with `topics` and none with `against`."""
    wanted = {part for topic in topics for part in stems(topic)}
    unwanted = {part for topic in against for part in stems(topic)}
    return tuple(
        p for p in phrases if not wanted.isdisjoint(stems(p)) and unwanted.isdisjoint(stems(p))
    )


def _only(option: Option, other: Option) -> Phrases:
    """Return the phrases of `option` of which `other` holds not every word."""
    shared = {part for phrase in _phrases(other) for part in stems(phrase)}
    return tuple(phrase for phrase in _phrases(option) if not shared.issuperset(stems(phrase)))


def _phrases(option: Option) -> Phrases:
    item = read_profile(option.profile, ClientKind.ITEM)
    return distinct([*item.about, *salient_phrases(option.title), *item.own, *item.liked])
