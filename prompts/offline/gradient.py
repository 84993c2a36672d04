"""The offline answer to `gradient`: whose words helped or misled, and what to change. Lexical.

Feedback only: what it asks for is written by the optimizers. It names phrases, never titles or
sentences, so that no item's text can give orders to another module.
"""

from dataclasses import dataclass
from functools import cached_property

from prompts.gradient import CreditAssignment, GradientFields, ModuleFeedback, ModuleView
from prompts.offline.effect import USER, Effect, owner_of, read_effect
from prompts.offline.phrases import distinct, salient_phrases, stems, without
from prompts.offline.profile_text import Profile, read_message, read_profile
from prompts.offline.suggestions import Order, order, suggestion
from prompts.predict import Option
from state.domain import ClientKind, ModuleKind

LEARNED_NAMED = 3
"""Tastes of an item's takers that its new taker learns: hearsay, so only a few."""


def gradient(fields: GradientFields) -> CreditAssignment:
    """Return one entry for each module that took part."""
    case = Case(fields)
    answers = {
        ModuleKind.USER_PROFILE: case.of_user,
        ModuleKind.ITEM_PROFILE: case.of_item,
        ModuleKind.ROUTER: case.of_router,
        ModuleKind.FILTER_MEMORY: case.of_filter,
    }
    return CreditAssignment(
        gradients=[_blame(part, answers[part.kind](part)) for part in fields.modules]
    )


def _blame(part: ModuleView, said: str) -> ModuleFeedback:
    return ModuleFeedback(module=part.name, involved=bool(said), suggestion=said)


@dataclass(frozen=True)
class Case:
    """One prediction and what it shows: phrases that speak for one option and not for the other."""

    fields: GradientFields

    @cached_property
    def right(self) -> bool:
        """Whether the prediction was right."""
        return self.fields.reward > 0

    @cached_property
    def user(self) -> Profile:
        """The user's profile, read."""
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
    def for_taken(self) -> tuple[str, ...]:
        """Phrases of the taken option that the other one does not share."""
        return _only(self.taken, self.other)

    @cached_property
    def for_other(self) -> tuple[str, ...]:
        """Phrases of the other option that the taken one does not share."""
        return _only(self.other, self.taken)

    @cached_property
    def misled(self) -> tuple[str, ...]:
        """Tastes that the user had learned and that spoke for the other option alone."""
        return _naming(self.user.liked, self.for_other, self.for_taken)

    @cached_property
    def sent(self) -> list[tuple[tuple[str, ...], Effect]]:
        """Each router's phrases and what became of its message."""
        routers = (part for part in self.fields.modules if part.kind is ModuleKind.ROUTER)
        return [(read_message(part.text), read_effect(part.effect)) for part in routers]

    def of_user(self, part: ModuleView) -> str:
        """Return what the user's profile should learn from what the user took."""
        user = read_profile(part.text, ClientKind.USER)
        lacking = without(self.lesson, user.liked)
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

    def of_item(self, part: ModuleView) -> str:
        """Return what the taken item should learn of its taker, and the other one unlearn.

        Not being taken says little about an item: only what it merely heard can mislead.
        """
        item = read_profile(part.text, ClientKind.ITEM)
        if owner_of(part.name, (self.taken.name, self.other.name)) != self.taken.name:
            misleading = _naming(item.heard, self.user.known) if not self.right else ()
            return order(Order.STOP, misleading)
        return order(Order.SAY, without(self.user.likes, [*item.about, *item.own, *item.liked]))

    def of_router(self, part: ModuleView) -> str:
        """Return what the router should stop saying, or go on saying."""
        phrases, effect = read_message(part.text), read_effect(part.effect)
        helped, misled = self._spoke(phrases, effect.took)
        if misled and not self.right and len(misled) >= len(helped):
            return suggestion("It spoke for what was not taken.", order(Order.STOP, misled))
        helped = helped or self._spoke(phrases, effect.kept_out)[0]
        return order(Order.GO_ON, helped)

    def of_filter(self, part: ModuleView) -> str:
        """Return what the filter memory should have kept out or let in."""
        owner = owner_of(part.name, (self.taken.name, self.other.name)) or USER
        let_in = [said for said, effect in self.sent if owner in effect.took]
        if not let_in and "let in" in part.effect:
            # Routers that are not optimized send no text here; what they said was heard.
            let_in = [self._heard(owner)]
        kept_out = [said for said, effect in self.sent if owner in effect.kept_out]
        good = distinct(p for said in let_in for p in self._spoke(said, {owner})[0])
        bad = distinct(p for said in let_in for p in self._spoke(said, {owner})[1])
        missed = distinct(p for said in kept_out for p in self._spoke(said, {owner})[0])
        if self.right:
            return "Keep these rules: what they let in helped." if good else ""
        misled = "It let in what misled." if bad and len(bad) > len(good) else ""
        return suggestion(
            misled,
            order(Order.BLOCK, bad) if misled else "",
            order(Order.ADMIT, without(missed, bad)),
        )

    @cached_property
    def lesson(self) -> tuple[str, ...]:
        """What taking the item teaches about a person: what it is, and a little of who takes it."""
        item = read_profile(self.taken.profile, ClientKind.ITEM)
        own = distinct([*item.about, *salient_phrases(self.taken.title), *item.own])
        told = [phrase for phrase in own if phrase in self.for_taken] or list(own)
        return distinct([*told, *without(item.liked, own)[:LEARNED_NAMED]])

    def _heard(self, owner: str) -> tuple[str, ...]:
        if owner == USER:
            return self.user.heard
        option = self.taken if owner == self.taken.name else self.other
        return read_profile(option.profile, ClientKind.ITEM).heard

    def _spoke(
        self, phrases: tuple[str, ...], receivers: frozenset[str] | set[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the phrases by which a message spoke for the taken option and for the other one.

        To the user it speaks by naming an option; to an item by naming what the user likes.
        """
        helped: list[str] = []
        misled: list[str] = []
        if USER in receivers:
            helped.extend(_naming(phrases, self.for_taken, self.for_other))
            misled.extend(_naming(phrases, self.for_other, self.for_taken))
        if self.taken.name in receivers:
            helped.extend(_naming(phrases, self.user.known))
        if self.other.name in receivers:
            misled.extend(_naming(phrases, self.user.known))
        return without(distinct(helped), misled), without(distinct(misled), helped)


def _naming(
    phrases: tuple[str, ...], topics: tuple[str, ...], against: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the phrases that share a word with `topics` and none with `against`."""
    wanted = {part for topic in topics for part in stems(topic)}
    unwanted = {part for topic in against for part in stems(topic)}
    return tuple(
        p for p in phrases if not wanted.isdisjoint(stems(p)) and unwanted.isdisjoint(stems(p))
    )


def _only(option: Option, other: Option) -> tuple[str, ...]:
    """Return the phrases of `option` of which `other` holds not every word."""
    shared = {part for phrase in _phrases(other) for part in stems(phrase)}
    return tuple(phrase for phrase in _phrases(option) if not shared.issuperset(stems(phrase)))


def _phrases(option: Option) -> tuple[str, ...]:
    item = read_profile(option.profile, ClientKind.ITEM)
    return distinct([*item.about, *salient_phrases(option.title), *item.own, *item.liked])
