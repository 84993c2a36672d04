"""Credit assignment (paper, §3.4): one textual gradient for each module that took part."""

import asyncio
import re
from dataclasses import dataclass

from langgraph.runtime import Runtime

from nodes.gather_gradients import ROUTERLESS
from nodes.predict import name_options, option_order
from nodes.step import Step, begin_step
from prompts.gradient import GRADIENT, CreditAssignment, GradientFields, ModuleFeedback, ModuleView
from prompts.llm.parsing import UnfitError
from prompts.llm.tokens import READABLE, fit_fields
from state.domain import (
    SUGGESTION_LENGTH,
    Client,
    ClientKind,
    Fault,
    FilterDecision,
    Gradient,
    Module,
    ModuleKind,
)
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState
from state.store.versions import join_rules

_INSTRUCTIONS = 2_400
"""Characters of the template and of the reply's schema."""
_ENTRY = SUGGESTION_LENGTH + 80
"""Characters of one entry of the reply."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A module that took part, as the prompt names it."""

    module: Module
    version: int
    part: ModuleView


async def assign_credit(state: BackwardState, runtime: Runtime[NetworkContext]) -> BackwardState:
    """Ask for the gradients of all modules that took part, at reward 1 too.

    In one call, or in one for each module, all at once. A gradient for a router that did not take
    part, or for a module that is pinned, is kept as rejected.
    """
    step = await begin_step(state["interaction"], runtime)
    order = option_order(step.network.settings.seed, state["interaction"])
    letters = _letters(order)
    participants = _participants(step, state, letters)
    network_settings = step.network.settings
    asked = [participants] if network_settings.credit == "joint" else [[p] for p in participants]
    replies = await asyncio.gather(
        *(_ask(step, _fields(state, order, letters, some)) for some in asked),
        return_exceptions=True,  # those under way end, and are paid, before the record fails
    )
    blames: list[ModuleFeedback] = []
    for some, reply in zip(asked, replies, strict=True):
        if isinstance(reply, BaseException):
            raise reply
        others = {p.part.name for p in participants if p not in some}
        blames += [blame for blame in reply.gradients if blame.module not in others]
    frozen = not network_settings.optimize_routers or network_settings.propagation in ROUTERLESS
    stray = "routers are frozen" if frozen else "the router did not take part in this interaction"
    gradients = _gradients(participants, blames, state["reward"], stray)
    return {
        "gradients": refuse_pinned(gradients, state["clients"]),
        "rounds": 0,
        "committed": False,
    }


async def _ask(step: Step, fields: GradientFields) -> CreditAssignment:
    """Ask for the gradients of the modules that the fields name, and of no others but routers."""
    known = [part.name for part in fields.modules]

    def check(reply: CreditAssignment) -> None:
        for blame in reply.gradients:
            if blame.module not in known and not _names_router(blame.module):
                raise UnfitError(
                    "unknown_module", f"unknown module '{blame.module}'; known: {', '.join(known)}"
                )

    def notice(reply: CreditAssignment) -> list[Fault]:
        return ["unknown_module" for blame in reply.gradients if blame.module not in known]

    return await step.ask(GRADIENT, fields, check, notice)


def refuse_pinned(gradients: list[Gradient], clients: list[Client]) -> list[Gradient]:
    """Return the gradients with those of pinned modules refused: no optimizer changes these."""
    pinned = {
        Module(kind=ModuleKind.profile_of(c.kind), owner=c.id) for c in clients if c.profile_pinned
    } | {Module(kind=ModuleKind.FILTER_MEMORY, owner=c.id) for c in clients if c.filter_pinned}
    return [
        gradient.model_copy(update={"refused": "the module is pinned"})
        if gradient.involved and gradient.module in pinned
        else gradient
        for gradient in gradients
    ]


def _letters(order: tuple[int, int]) -> dict[int, str]:
    """Return the letter under which positive (1) and negative (2) were shown."""
    return {at: name for name, at in zip("AB", order, strict=True)}


def _fields(
    state: BackwardState,
    order: tuple[int, int],
    letters: dict[int, str],
    participants: list[Participant],
) -> GradientFields:
    predicted = 1 if state["reward"] else 2
    fields = GradientFields(
        user=state["receptions"][0].profile,
        options=name_options(state["clients"], state["receptions"], order),
        predicted=letters[predicted],
        taken=letters[1],
        reason=state["reason"],
        reward=state["reward"],
        modules=tuple(p.part for p in participants),
    )
    return shorten_modules(fields)


def shorten_modules(fields: GradientFields) -> GradientFields:
    """Return the fields so that a small model can read them all and answer for every module.

    With full buffers a step has many modules. Only where their texts and the longest reply would
    be more than `READABLE`, the longest texts are shortened.
    """
    return fit_fields(fields, READABLE - _INSTRUCTIONS - _ENTRY * len(fields.modules))


def _participants(step: Step, state: BackwardState, letters: dict[int, str]) -> list[Participant]:
    """Return the modules that took part; a frozen kind gets no gradient."""
    places = {0: "user", 1: f"item {letters[1]}", 2: f"item {letters[2]}"}
    # A before B, whichever is the positive: the order of the list must not tell.
    order = sorted(places, key=lambda at: (at != 0, places[at]))
    found = [_profile(state, at, places[at]) for at in order]
    network_settings = step.network.settings
    if network_settings.filter_memory and network_settings.optimize_filter_memory:
        found += [
            _filter_memory(
                state["clients"][at], state["receptions"][at].filter_decisions, places[at]
            )
            for at in order
            if state["receptions"][at].filter_decisions
        ]
    if network_settings.optimize_routers and network_settings.propagation not in ROUTERLESS:
        found += _routers(state, {at: places[at] for at in order})
    return found


def _profile(state: BackwardState, at: int, place: str) -> Participant:
    client = state["clients"][at]
    kind = ModuleKind.profile_of(client.kind)
    name = (
        "user profile" if client.kind is ClientKind.USER else place.replace("item", "item profile")
    )
    part = ModuleView(name=name, kind=kind, text=state["receptions"][at].profile, effect="")
    return Participant(Module(kind=kind, owner=client.id), client.profile_version, part)


def _filter_memory(
    client: Client, filter_decisions: tuple[FilterDecision, ...], place: str
) -> Participant:
    part = ModuleView(
        name=f"filter memory of {place}",
        kind=ModuleKind.FILTER_MEMORY,
        text=join_rules(client.rules),
        effect="; ".join(
            f"{'let in' if v.accepted else 'kept out'} the message of {_sender(v)}"
            for v in filter_decisions
        ),
    )
    module = Module(kind=ModuleKind.FILTER_MEMORY, owner=client.id)
    return Participant(module, client.filter_version, part)


def _sender(verdict: FilterDecision) -> str:
    """Return what the prompt calls the sender of a message."""
    sender = verdict.sender
    return f"{'router' if sender.kind is ModuleKind.ROUTER else 'client'} {sender.owner}"


def _routers(state: BackwardState, places: dict[int, str]) -> list[Participant]:
    """Return one participant for each router whose message met a client, newest version.

    A client that spoke for itself is no participant: what it said is its profile, which is
    rewritten for its own interactions only.
    """
    bodies = {m.id: m.body for c in state["clients"] for m in (*c.merged_on_delivery, *c.messages)}
    met: dict[int, list[tuple[str, FilterDecision]]] = {}
    for at, place in places.items():
        for verdict in state["receptions"][at].filter_decisions:
            if verdict.sender.kind is ModuleKind.ROUTER:
                met.setdefault(verdict.sender.owner, []).append((place, verdict))
    found = []
    for router, filter_decisions in sorted(met.items()):
        newest = max((v for _, v in filter_decisions), key=lambda v: v.version)
        effects = [
            f"taken in by {place}" if v.accepted
            else f"kept out of {place}" + (f" by the rule: {v.rule}" if v.rule else "")
            for place, v in filter_decisions
        ]  # fmt: skip
        part = ModuleView(
            name=f"router {router}",
            kind=ModuleKind.ROUTER,
            text=bodies[newest.message],
            effect="; ".join(effects),
        )
        module = Module(kind=ModuleKind.ROUTER, owner=router)
        found.append(Participant(module, newest.version, part))
    return found


def _names_router(name: str) -> bool:
    return re.fullmatch(r"router [1-9][0-9]{0,8}", name) is not None


def _gradients(
    participants: list[Participant], blames: list[ModuleFeedback], reward: int, stray: str
) -> list[Gradient]:
    """Return one gradient a participant, and one refused as `stray` for each other router named."""
    by_name: dict[str, ModuleFeedback] = {}
    for blame in blames:
        by_name.setdefault(blame.module, blame)
    silent = ModuleFeedback(module="", involved=False, suggestion="")
    gradients = []
    for p in participants:
        blame = by_name.pop(p.part.name, silent)
        involved = blame.involved and blame.suggestion != ""
        gradients.append(
            Gradient(
                module=p.module,
                version=p.version,
                reward=reward,
                involved=involved,
                suggestion=blame.suggestion if involved else "",
            )
        )
    return gradients + [
        Gradient(
            module=Module(kind=ModuleKind.ROUTER, owner=int(name.removeprefix("router "))),
            version=0,
            reward=reward,
            involved=True,
            suggestion=blame.suggestion,
            refused=stray,
        )
        for name, blame in sorted(by_name.items())
    ]
