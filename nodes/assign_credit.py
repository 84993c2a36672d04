"""Credit assignment (Eq. 8): one textual gradient for each module that took part."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langgraph.runtime import Runtime

from nodes.forward import name_options, option_order
from nodes.propagation import PROPAGATION_METHODS
from nodes.step import Step, begin_step
from prompts.gradient import GRADIENT, CreditAssignment, GradientFields, ModuleFeedback, ModuleView
from prompts.llm.parsing import UnfitError
from prompts.llm.tokens import READABLE, fit_fields
from state.domain import (
    SUGGESTION_LENGTH,
    Client,
    Fault,
    FilterDecision,
    Gradient,
    Module,
    ModuleKind,
)
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState
from state.settings import NetworkSettings
from state.store.versions import join_rules

_INSTRUCTIONS = 2_400
"""Characters of the template and of the reply's schema."""
_ENTRY = SUGGESTION_LENGTH + 80
"""Characters of one entry of the reply."""
_ROUTER = re.compile(r"router [1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Participant:
    """A module that took part, and what the prompt shows of it."""

    module: Module
    version: int
    view: ModuleView


async def assign_credit(state: BackwardState, runtime: Runtime[NetworkContext]) -> BackwardState:
    """Ask for the gradients of all modules that took part (Eq. 8), at reward 1 too.

    In one call, or in concurrent calls of one module each. A gradient for a router that did not
    take part, or for a module that is pinned, is returned as rejected.
    """
    step = await begin_step(state["interaction"], runtime)
    settings = step.network.settings
    order = option_order(settings.seed, state["interaction"])
    participants = _participants(settings, state, order)
    asked = [participants] if settings.credit == "joint" else [[p] for p in participants]
    replies = await asyncio.gather(
        *(_ask(step, _fields(state, order, some)) for some in asked),
        return_exceptions=True,  # those under way end, and are counted, before the record fails
    )
    feedback: dict[str, ModuleFeedback] = {}
    for some, reply in zip(asked, replies, strict=True):
        if isinstance(reply, BaseException):
            raise reply
        others = {p.view.name for p in participants if p not in some}
        for entry in reply.gradients:
            if entry.module not in others:
                feedback.setdefault(entry.module, entry)
    rejection = "the router did not take part in this interaction"
    gradients = _gradients(
        state,
        participants,
        feedback,
        rejection if _trains_routers(settings) else "routers are frozen",
    )
    return {
        "gradients": reject_pinned(gradients, state["clients"]),
        "rounds": 0,
        "committed": False,
    }


def reject_pinned(gradients: Sequence[Gradient], clients: Sequence[Client]) -> list[Gradient]:
    """Return the gradients with pending ones of pinned modules rejected."""
    pinned = {client.profile_module for client in clients if client.profile_pinned}
    pinned |= {client.filter_module for client in clients if client.filter_pinned}
    rejected = {"status": "rejected", "rejected_because": "the module is pinned"}
    return [
        g.model_copy(update=rejected if g.status == "pending" and g.module in pinned else {})
        for g in gradients
    ]


def shorten_modules(fields: GradientFields) -> GradientFields:
    """Return the fields so that a small model can read them all and answer for every module.

    With full buffers a step has many modules. Only where their texts and the longest reply would
    exceed `READABLE`, the longest texts are shortened.
    """
    return fit_fields(fields, READABLE - _INSTRUCTIONS - _ENTRY * len(fields.modules))


async def _ask(step: Step, fields: GradientFields) -> CreditAssignment:
    """Ask for the gradients of the modules in `fields`; other names must be routers."""
    known = [view.name for view in fields.modules]

    def check(reply: CreditAssignment) -> None:
        for entry in reply.gradients:
            if entry.module not in known and not _ROUTER.fullmatch(entry.module):
                raise UnfitError(
                    "unknown_module", f"unknown module '{entry.module}'; known: {', '.join(known)}"
                )

    def notice(reply: CreditAssignment) -> list[Fault]:
        return ["unknown_module" for entry in reply.gradients if entry.module not in known]

    return await step.ask(GRADIENT, fields, check, notice)


def _fields(
    state: BackwardState, order: tuple[int, int], participants: Sequence[Participant]
) -> GradientFields:
    letters = dict(zip(order, "AB", strict=True))
    fields = GradientFields(
        user=state["receptions"][0].profile,
        options=name_options(state["clients"], state["receptions"], order),
        predicted=letters[1 if state["reward"] else 2],
        taken=letters[1],
        reason=state["reason"],
        reward=state["reward"],
        modules=tuple(participant.view for participant in participants),
    )
    return shorten_modules(fields)


def _trains_routers(settings: NetworkSettings) -> bool:
    return settings.optimize_routers and PROPAGATION_METHODS[settings.propagation].uses_routers


def _participants(
    settings: NetworkSettings, state: BackwardState, order: tuple[int, int]
) -> list[Participant]:
    """Return the modules that took part; a frozen kind gets no gradient.

    Items are listed as they were shown, A before B, so that the list does not tell the positive.
    """
    places = {0: "user", order[0]: "item A", order[1]: "item B"}
    participants = []
    for at, place in places.items():
        client, text = state["clients"][at], state["receptions"][at].profile
        name = place.replace("item", "item profile") if at else "user profile"
        module, version = client.profile_module, client.profile_version
        participants.append(_participant(module, version, name, text))
    if settings.filter_memory and settings.optimize_filter_memory:
        for at, place in places.items():
            client, decisions = state["clients"][at], state["receptions"][at].filter_decisions
            if effects := [_effect_of_rules(decision) for decision in decisions]:
                name, rules = f"filter memory of {place}", join_rules(client.rules)
                module, version = client.filter_module, client.filter_version
                participants.append(_participant(module, version, name, rules, effects))
    if _trains_routers(settings):
        participants += _routers(state, places)
    return participants


def _participant(
    module: Module, version: int, name: str, text: str, effects: Sequence[str] = ()
) -> Participant:
    view = ModuleView(name=name, kind=module.kind, text=text, effect="; ".join(effects))
    return Participant(module, version, view)


def _effect_of_rules(decision: FilterDecision) -> str:
    kind = "router" if decision.sender.kind is ModuleKind.ROUTER else "client"
    verb = "let in" if decision.accepted else "kept out"
    return f"{verb} the message of {kind} {decision.sender.owner}"


def _routers(state: BackwardState, places: Mapping[int, str]) -> list[Participant]:
    """Return each router whose message met a client, with its newest one.

    A client that sent a message is no participant: its message is its profile, which is rewritten
    for its own interactions only.
    """
    bodies = {m.id: m.body for c in state["clients"] for m in (*c.merged_on_delivery, *c.messages)}
    met: dict[Module, list[tuple[str, FilterDecision]]] = {}
    for at, place in places.items():
        for decision in state["receptions"][at].filter_decisions:
            if decision.sender.kind is ModuleKind.ROUTER:
                met.setdefault(decision.sender, []).append((place, decision))
    participants = []
    for router, decisions in sorted(met.items(), key=lambda entry: entry[0].owner):
        newest = max((decision for _, decision in decisions), key=lambda d: d.version)
        effects = [
            f"taken in by {place}" if d.accepted
            else f"kept out of {place}" + (f" by the rule: {d.rule}" if d.rule else "")
            for place, d in decisions
        ]  # fmt: skip
        name, text = f"router {router.owner}", bodies[newest.message]
        participants.append(_participant(router, newest.version, name, text, effects))
    return participants


def _gradients(
    state: BackwardState,
    participants: Sequence[Participant],
    feedback: Mapping[str, ModuleFeedback],
    rejection: str,
) -> list[Gradient]:
    """Return one gradient a participant, and one rejected as `rejection` for each other router."""
    record, reward = state["interaction"], state["reward"]
    gradients = []
    for p in participants:
        entry = feedback.get(p.view.name)
        text = entry.suggestion if entry is not None and entry.involved else ""
        gradients.append(
            Gradient(
                interaction=record,
                module=p.module,
                version=p.version,
                reward=reward,
                suggestion=text,
                status="pending" if text else "not involved",
            )
        )
    named = {participant.view.name for participant in participants}
    return gradients + [
        Gradient(
            interaction=record,
            module=Module.router(int(name.removeprefix("router "))),
            version=0,
            reward=reward,
            suggestion=entry.suggestion,
            status="rejected",
            rejected_because=rejection,
        )
        for name, entry in sorted(feedback.items())
        if name not in named
    ]
