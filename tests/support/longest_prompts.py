"""The longest a prompt and its reply can be: all their texts and lists at their bounds."""

from dataclasses import dataclass
from itertools import chain

from prompts.address_clients import ADDRESS_CLIENTS, AddressClients, AddressClientsFields
from prompts.choose_recipients import (
    CHOOSE_RECIPIENTS,
    Candidate,
    ChooseRecipients,
    ChooseRecipientsFields,
)
from prompts.extract import EXTRACT, Extract, ExtractFields
from prompts.gradient import GRADIENT, CreditAssignment, GradientFields, ModuleFeedback, ModuleView
from prompts.merge import MERGE, Merge, MergeFields, MessageDecision, Named
from prompts.optimize_filter_memory import (
    OPTIMIZE_FILTER_MEMORY,
    OptimizedFilterMemory,
    OptimizeFilterMemoryFields,
)
from prompts.optimize_profile import OPTIMIZE_PROFILE, OptimizedProfile, OptimizeProfileFields
from prompts.optimize_router import (
    OPTIMIZE_ROUTER,
    Effects,
    Feedback,
    OptimizedRouter,
    OptimizeRouterFields,
)
from prompts.predict import PREDICT, Option, Predict, PredictFields
from prompts.rank import RANK, Rank, Ranked, RankFields
from prompts.summarize import SUMMARIZE, Summarize, SummarizeFields
from prompts.template import Fields, Reply
from prompts.write_message import WRITE_MESSAGE, WriteMessage, WriteMessageFields
from state.domain import (
    ATTRIBUTE_LENGTH,
    MESSAGE_LENGTH,
    PROFILE_LENGTH,
    REASON_LENGTH,
    RULE_LENGTH,
    RULES_HELD,
    SUGGESTION_LENGTH,
    TITLE_LENGTH,
    ClientKind,
    ModuleKind,
)

_PHRASE = "progressive rock; singer-songwriters; "
_EXTRACTED = 24
"""Attributes that a reply may name at most; fewer are kept."""
_KIND = ClientKind.ITEM
_MANY = 1_000_000
_ROUTER = 1_000
"""Routers are numbered on and on; four digits are many."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many texts the lists of a prompt hold at most; a text's length is bounded by its type."""

    messages: int
    """In one buffer."""
    attributes: int
    """Of one router."""
    taken_in: int
    """Attributes that one summary reads."""
    feedback: int
    """Gradients that one update reads of one router."""
    neighbours: int
    candidates: int
    nearest: int
    """Clients that one client tells."""
    reach: int
    """Clients it may choose them from."""


def longest_calls(bounds: Bounds) -> dict[str, tuple[Fields, Reply]]:
    """Return the fields and the reply of every prompt at all their bounds, by its name.

    A reply is as long as what is kept of it, which is several times what the templates ask for.
    """
    profile, reason = _text(PROFILE_LENGTH), _text(REASON_LENGTH)
    message, suggestion = _text(MESSAGE_LENGTH), _text(SUGGESTION_LENGTH)
    rules = [_text(RULE_LENGTH, n) for n in range(RULES_HELD)]
    modules = _modules(bounds, rules)
    reached = tuple(
        Candidate(name=f"client {n}", kind=_KIND, profile=profile) for n in range(bounds.reach)
    )
    recipients = [candidate.name for candidate in reached[: bounds.nearest]]
    return {
        EXTRACT.name: (
            ExtractFields(kind=_KIND, profile=profile),
            Extract(attributes=_attributes(_EXTRACTED)),
        ),
        SUMMARIZE.name: (
            SummarizeFields(router=message, attributes=tuple(_attributes(bounds.taken_in))),
            Summarize(profile=message),
        ),
        MERGE.name: (
            MergeFields(
                kind=_KIND,
                profile=profile,
                rules=_named("rule", rules),
                messages=_named("message", [profile] * bounds.messages),
            ),
            Merge(
                profile=profile,
                filter_decisions=[
                    MessageDecision(
                        message=f"message {n}", taken=False, rule="rule 10", reason=reason
                    )
                    for n in range(bounds.messages)
                ],
            ),
        ),
        PREDICT.name: (
            PredictFields(user=profile, options=(_option("A"), _option("B"))),
            Predict(reason=reason, choice="A"),
        ),
        GRADIENT.name: (
            GradientFields(
                user=profile,
                options=(_option("A"), _option("B")),
                predicted="A",
                taken="B",
                reason=reason,
                reward=0,
                modules=modules,
            ),
            CreditAssignment(
                gradients=[
                    ModuleFeedback(module=part.name, involved=False, suggestion=suggestion)
                    for part in modules
                ]
            ),
        ),
        OPTIMIZE_PROFILE.name: (
            OptimizeProfileFields(kind=_KIND, profile=profile, reward=0, suggestion=suggestion),
            OptimizedProfile(profile=profile),
        ),
        OPTIMIZE_FILTER_MEMORY.name: (
            OptimizeFilterMemoryFields(
                kind=_KIND, rules=tuple(rules), reward=0, suggestion=suggestion
            ),
            OptimizedFilterMemory(rules=rules),
        ),
        OPTIMIZE_ROUTER.name: (
            OptimizeRouterFields(
                router=message,
                attributes=tuple(_attributes(bounds.attributes)),
                feedback=(Feedback(reward=0, suggestion=suggestion),) * bounds.feedback,
                neighbours=_named(f"router {_ROUTER}", [message] * bounds.neighbours),
                effects=(
                    Effects(
                        taken_in=_MANY,
                        kept_out=_MANY,
                        reward="0.00",
                        tightness="0.00",
                        nearest="0.00",
                    ),
                ),
            ),
            OptimizedRouter(reason=reason, action="split", profiles=[message] * 2, partner=""),
        ),
        RANK.name: (
            RankFields(
                user=profile,
                candidates=tuple(_option(f"item {n}") for n in range(bounds.candidates)),
            ),
            Rank(
                ranking=[Ranked(name=f"item {n}", reason=reason) for n in range(bounds.candidates)]
            ),
        ),
        CHOOSE_RECIPIENTS.name: (
            ChooseRecipientsFields(
                kind=_KIND, profile=profile, candidates=reached, most=bounds.nearest
            ),
            ChooseRecipients(reason=reason, recipients=recipients),
        ),
        WRITE_MESSAGE.name: (
            WriteMessageFields(kind=_KIND, profile=profile, recipients=reached[: bounds.nearest]),
            WriteMessage(message=message),
        ),
        ADDRESS_CLIENTS.name: (
            AddressClientsFields(
                kind=_KIND, profile=profile, candidates=reached, most=bounds.nearest
            ),
            AddressClients(message=message, recipients=recipients),
        ),
    }


def _modules(bounds: Bounds, rules: list[str]) -> tuple[ModuleView, ...]:
    """Return the modules of a step in which every message came from a router of its own."""
    owners = ("user", "item A", "item B")
    profiles = (
        ModuleView(
            name=owner.replace("item", "item profile"),
            kind=ModuleKind.ITEM_PROFILE,
            text=_text(PROFILE_LENGTH),
            effect="",
        )
        for owner in owners
    )
    memories = (
        ModuleView(
            name=f"filter memory of {owner}",
            kind=ModuleKind.FILTER_MEMORY,
            text="\n".join(rules),
            effect="; ".join([f"let in the message of router {_ROUTER}"] * bounds.messages),
        )
        for owner in owners
    )
    routers = (
        ModuleView(
            name=f"router {_ROUTER + n}",
            kind=ModuleKind.ROUTER,
            text=_text(MESSAGE_LENGTH),
            effect=f"kept out of item A by the rule: {_text(RULE_LENGTH)}",
        )
        for n in range(len(owners) * bounds.messages)
    )
    return tuple(chain(profiles, memories, routers))


def _option(name: str) -> Option:
    return Option(name=name, title=_text(TITLE_LENGTH), profile=_text(PROFILE_LENGTH))


def _named(what: str, texts: list[str]) -> tuple[Named, ...]:
    return tuple(Named(name=f"{what} {n}", text=text) for n, text in enumerate(texts, start=1))


def _attributes(count: int) -> list[str]:
    return [_text(ATTRIBUTE_LENGTH, n).replace(";", "") for n in range(count)]


def _text(length: int, number: int = 0) -> str:
    """Return `length` characters of noun phrases, another text for each number."""
    return (
        (f"{number} " + _PHRASE * (length // len(_PHRASE) + 1))[:length]
        .rstrip("; ")
        .ljust(length, "s")
    )
