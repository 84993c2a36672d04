"""Gather the gradients of routers, and keep, rewrite, split or merge each (Eq. 9, §2.4)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.attributes import nearest, read_attribute_phrases
from nodes.propagation import PROPAGATION_METHODS
from nodes.step import Step, begin_step, window_step
from prompts.llm.errors import ReplyError
from prompts.llm.parsing import UnfitError
from prompts.merge import Named
from prompts.optimize import (
    OPTIMIZE_ROUTER,
    Effects,
    Feedback,
    OptimizedRouter,
    OptimizeRouterFields,
)
from state.domain import Gradient
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.router_update import (
    ExtractTask,
    OptimizeRouterTask,
    RouterDecision,
    RouterUpdateState,
)
from state.store.attributes import read_vocabulary
from state.store.gradients import read_pending_gradients
from state.store.routers import Router, read_outcome, read_routers
from state.store.windows import open_window
from state.vectors import Vector, cosines

GRADIENTS_READ = 16
"""Gradients of one router that one update reads."""
NEIGHBOURS_READ = 3
_SPLIT_FROM = 2
"""Attributes a router must hold to be split between two children."""
_PROFILES = {"keep": 0, "rewrite": 1, "merge": 1, "split": 2}
"""Texts that each action needs."""


async def gather_gradients(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Read the claimed window and the pending gradients of the routers (Algorithm 1, line 13).

    A gradient for a router that retired goes to its heir; after a split to the nearer child. A
    network without a claimed window raises InputError.
    """
    step = await begin_step("router update", runtime)
    settings = step.network.settings
    async with step.connection() as conn:
        window = await open_window(conn, step.network.id)
        gradients = await read_pending_gradients(conn, step.network.id)
        routers = await read_routers(conn, step.network.id, retired=True)
    if window is None or window.id != (state.get("window") or window.id):
        raise InputError(f"network '{step.network.name}' has no claimed window to update from")
    if not PROPAGATION_METHODS[settings.propagation].uses_routers:
        gradients = []  # they wait for a copy of the network that uses routers
    step = Step(step.network, window_step(window.id), step.resources)
    return {
        "window": window.id,
        "members": list(window.members),
        "propagation": settings.propagation,
        "reception": settings.reception,
        "pending_gradients": await _address(step, gradients, routers),
    }


async def fan_out_update(state: RouterUpdateState) -> list[Send] | Literal["__end__"]:
    """Send each router with gradients to its optimizer, and each changed client to extraction.

    Without routers the changed clients are matched instead. A run that lost the window's lease has
    gathered nothing and ends.
    """
    members = state.get("members", [])
    if not members:
        return "__end__"
    if not PROPAGATION_METHODS[state["propagation"]].uses_routers:
        return [Send("match_clients", state)]
    step = window_step(state["window"])
    return [
        Send("optimize_router", OptimizeRouterTask(step=step, router=router, gradients=gradients))
        for router, gradients in sorted(by_router(state["pending_gradients"]).items())
    ] + [Send("extract_attributes", ExtractTask(step=step, client=client)) for client in members]


async def optimize_router(
    state: OptimizeRouterTask, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Decide what one router becomes, given its pending gradients, in one call (Eq. 9).

    It reads the router, its attributes and its nearest neighbours. A pinned router, and one whose
    reply stays bad, is kept.
    """
    step = await begin_step(state["step"], runtime)
    async with step.connection() as conn:
        routers = {r.id: r for r in await read_routers(conn, step.network.id)}
        router = routers.pop(state["router"])
        held = {router.id: router.attributes}
        phrases = (await read_attribute_phrases(conn, step.network.id, held))[router.id]
    if router.pinned:
        return _keep(router, f"router {router.id} is pinned")
    if not step.network.settings.optimize_routers:  # gradients from before the network was copied
        return _keep(router, "routers are frozen")
    free = [other for other in routers.values() if not other.pinned]
    order = np.argsort(-_cosines(router, free), kind="stable")[:NEIGHBOURS_READ]
    neighbours = {f"router {free[i].id}": free[i] for i in order}
    fields = OptimizeRouterFields(
        router=router.profile,
        attributes=phrases,
        feedback=tuple(
            Feedback(reward=gradient.reward, suggestion=gradient.suggestion)
            for gradient in by_router(state["gradients"])[router.id][:GRADIENTS_READ]
        ),
        neighbours=tuple(Named(name=name, text=r.profile) for name, r in neighbours.items()),
        effects=await _effects(step, router, list(routers.values())),
    )

    def check(reply: OptimizedRouter) -> None:
        if len(reply.profiles) != (wanted := _PROFILES[reply.action]):
            raise ValueError(f"action {reply.action} needs {wanted} profiles")
        if reply.action == "merge" and reply.partner not in neighbours:
            known = ", ".join(neighbours) or "none, so it cannot be merged"
            raise UnfitError("unknown_module", f"unknown partner '{reply.partner}'; known: {known}")
        if reply.action == "split" and len(router.attributes) < _SPLIT_FROM:
            raise ValueError(f"a router with {len(router.attributes)} attributes cannot be split")

    try:
        reply = await step.ask(OPTIMIZE_ROUTER, fields, check)
    except ReplyError as error:
        return _keep(router, str(error))  # one bad reply must not stop the network
    decision = RouterDecision(
        router=router.id,
        base=router.version,
        action=reply.action,
        profiles=tuple(reply.profiles),
        partner=neighbours[reply.partner].id if reply.action == "merge" else None,
        reason=reply.reason,
    )
    return {"decisions": [decision]}


def by_router(gradients: Iterable[Gradient]) -> dict[int, list[Gradient]]:
    """Group gradients by the router that answers for them; wrong predictions come first."""
    grouped: dict[int, list[Gradient]] = {}
    for gradient in sorted(gradients, key=lambda gradient: (gradient.reward, gradient.interaction)):
        grouped.setdefault(gradient.applied_to or gradient.module.owner, []).append(gradient)
    return grouped


async def _address(
    step: Step, gradients: Sequence[Gradient], routers: Sequence[Router]
) -> list[Gradient]:
    """Return the gradients, each with its active router in `applied_to`."""
    heirs = {router.id: router.heirs for router in routers}
    vectors = {router.id: router.embedding for router in routers}
    suggestions = await step.embed_each(
        {(g.interaction, g.module.owner): g.suggestion for g in gradients if heirs[g.module.owner]}
    )

    def heir(g: Gradient) -> int:
        suggestion = suggestions.get((g.interaction, g.module.owner))
        return heir_of(g.module.owner, heirs, vectors, suggestion)

    return [g.model_copy(update={"applied_to": heir(g)}) for g in gradients]


def heir_of(
    router: int,
    heirs: Mapping[int, Sequence[int]],
    vectors: Mapping[int, Vector],
    suggestion: Vector | None,
) -> int:
    """Return the active router that answers for a router: itself, or an heir.

    The suggestion of a gradient decides between the children of a split.
    """
    while children := heirs[router]:
        if len(children) == 1 or suggestion is None:
            router = children[0]
        else:
            router = nearest(suggestion, {child: vectors[child] for child in children})
    return router


def _keep(router: Router, failure: str) -> RouterUpdateState:
    decision = RouterDecision(router=router.id, base=router.version, action="keep", failure=failure)
    return {"decisions": [decision]}


async def _effects(step: Step, router: Router, others: Sequence[Router]) -> tuple[Effects, ...]:
    """Return what the router's messages did, and how tight and how separate the router is."""
    if step.network.settings.router_evidence != "effects":
        return ()
    async with step.connection() as conn:
        outcome = await read_outcome(conn, step.network.id, router.id)
        known = await read_vocabulary(conn, step.network.id)
    vectors = dict(zip(known.ids, known.vectors, strict=True))
    # The length of the mean of unit vectors says how alike they are.
    held = [vectors[attribute] for attribute in router.attributes]
    tightness = np.linalg.norm(np.mean(held, axis=0, dtype=np.float64)) if held else None

    def two_digits(number: float | np.floating[Any] | None) -> str:
        return "" if number is None else f"{number:.2f}"

    return (
        Effects(
            taken_in=outcome.accepted,
            kept_out=outcome.kept_out,
            reward=two_digits(outcome.reward),
            tightness=two_digits(tightness),
            nearest=two_digits(max(_cosines(router, others), default=None)),
        ),
    )


def _cosines(router: Router, others: Sequence[Router]) -> Vector:
    if not others:
        return np.zeros(0, dtype=np.float32)
    return cosines(np.stack([other.embedding for other in others]), router.embedding)
