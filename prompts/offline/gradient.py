"""The offline answer to `gradient`: whose words helped or misled, and what to change. Lexical.

It only gives feedback; the optimizers write. It names phrases, never titles or sentences, so that
no item's text can give orders to another module.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from prompts.gradient import CreditAssignment, GradientFields, ModuleFeedback, ModuleView
from prompts.offline.phrases import distinct, salient_phrases, stems, without
from prompts.offline.profile_text import Profile, read_message, read_profile
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
    answers = {
        ModuleKind.USER_PROFILE: prediction.feedback_to_user,
        ModuleKind.ITEM_PROFILE: prediction.feedback_to_item,
        ModuleKind.ROUTER: prediction.feedback_to_router,
        ModuleKind.FILTER_MEMORY: prediction.feedback_to_filter,
    }
    said = [(module.name, answers[module.kind](module)) for module in fields.modules]
    return CreditAssignment(
        gradients=[
            ModuleFeedback(module=name, involved=bool(text), suggestion=text) for name, text in said
        ]
    )


@dataclass(frozen=True)
class Prediction:
    """One prediction: the phrases that speak for one option and not for the other."""

    fields: GradientFields

    @cached_property
    def right(self) -> bool:
        """Whether the prediction was right."""
        return self.fields.reward > 0

    @cached_property
    def user(self) -> Profile:
        """The user's profile."""
        return read_profile(self.fields.user, ClientKind.USER)

    @cached_property
    def taken(self) -> Option:
        """The option that the user really took."""
        options = self.fields.options
        return next((o for o in options if o.name == self.fields.taken), options[0])

    @cached_property
    def other(self) -> Option:
        """The option that the user did not take."""
        return next(o for o in self.fields.options if o is not self.taken)

    @cached_property
    def for_taken(self) -> Phrases:
        """Phrases of the taken option that the other one does not share."""
        return _only(self.taken, self.other)

    @cached_property
    def for_other(self) -> Phrases:
        """Phrases of the other option that the taken one does not share."""
        return _only(self.other, self.taken)

    @cached_property
    def misled(self) -> Phrases:
        """Tastes that the user had learned and that spoke for the other option alone."""
        return _naming(self.user.liked, self.for_other, self.for_taken)

    def feedback_to_user(self, module: ModuleView) -> str:
        """Return what the user's profile should learn from what the user took."""
        user = read_profile(module.text, ClientKind.USER)
        lacking = without(self._lesson, user.liked)
        misleading = _naming(without(user.heard, lacking), self.for_other, self.for_taken)
        if self.right:
            return suggestion(
                order(Order.KEEP, without(_naming(user.known, self.for_taken), lacking), limit=3),
                order(Order.ADD, lacking),
            )
        return suggestion(
            "It spoke for what was not taken."
            if misleading
            else "It did not speak for what was taken.",
            order(Order.ADD, lacking),
            order(Order.DROP, misleading),
        )

    def feedback_to_item(self, module: ModuleView) -> str:
        """Return what the taken item should learn of its taker, and the other one unlearn.

        Not being taken says little about an item: only what it merely heard of can mislead.
        """
        item = read_profile(module.text, ClientKind.ITEM)
        if self._owner(module) != self.taken.name:
            misleading = _naming(item.heard, self.user.known) if not self.right else ()
            return order(Order.STOP, misleading)
        return order(Order.SAY, without(self.user.likes, [*item.about, *item.own, *item.liked]))

    def feedback_to_router(self, module: ModuleView) -> str:
        """Return what the router should stop saying, or go on saying."""
        phrases = read_message(module.text)
        accepted, kept_out = _read_effect(module.effect)
        helped, misled = self._spoke(phrases, accepted)
        if misled and not self.right and len(misled) >= len(helped):
            return suggestion("It spoke for what was not taken.", order(Order.STOP, misled))
        return order(Order.GO_ON, helped or self._spoke(phrases, kept_out)[0])

    def feedback_to_filter(self, module: ModuleView) -> str:
        """Return what the filter memory should have kept out or let in."""
        owner = self._owner(module) or _USER
        messages = [
            (read_message(router.text), *_read_effect(router.effect))
            for router in self.fields.modules
            if router.kind is ModuleKind.ROUTER
        ]
        let_in = [phrases for phrases, accepted, _ in messages if owner in accepted]
        if not let_in and "let in" in module.effect:
            # Routers that are not optimized send no text here; what they said was heard.
            let_in = [self._heard(owner)]
        kept_out = [phrases for phrases, _, against in messages if owner in against]
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

    @cached_property
    def _lesson(self) -> Phrases:
        """What taking the item teaches about a person: what it is, and a little of who takes it."""
        item = read_profile(self.taken.profile, ClientKind.ITEM)
        own = distinct([*item.about, *salient_phrases(self.taken.title), *item.own])
        told = [phrase for phrase in own if phrase in self.for_taken] or list(own)
        return distinct([*told, *without(item.liked, own)[:LEARNED_NAMED]])

    def _owner(self, module: ModuleView) -> str | None:
        """Return the owner that a module's name names: the user, an option by its name, or None."""
        words = module.name.split()
        if _USER in words:
            return _USER
        names = (self.taken.name, self.other.name)
        return next((name for name in names if words[-1:] == [name]), None)

    def _heard(self, owner: str) -> Phrases:
        if owner == _USER:
            return self.user.heard
        option = self.taken if owner == self.taken.name else self.other
        return read_profile(option.profile, ClientKind.ITEM).heard

    def _spoke(self, phrases: Phrases, receivers: set[str]) -> tuple[Phrases, Phrases]:
        """Return the phrases by which a message spoke for the taken option and for the other one.

        To the user it speaks by naming an option; to an item by naming what the user likes.
        """
        helped: list[str] = []
        misled: list[str] = []
        if _USER in receivers:
            helped.extend(_naming(phrases, self.for_taken, self.for_other))
            misled.extend(_naming(phrases, self.for_other, self.for_taken))
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
