"""Optimize routers on their gathered gradients: keep, rewrite, split or merge (Eq. 9, §2.4)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from langgraph.runtime import Runtime

from nodes.step import Step, begin_step
from nodes.vocabulary import read_attribute_phrases
from prompts.llm.errors import ReplyError
from prompts.llm.parsing import UnfitError
from prompts.merge import Named
from prompts.optimize_router import (
    OPTIMIZE_ROUTER,
    Effects,
    Feedback,
    OptimizedRouter,
    OptimizeRouterFields,
)
from state.domain import Gradient
from state.graphs.context import NetworkContext
from state.graphs.router_update import OptimizeRouterTask, RouterDecision, RouterUpdateState
from state.store.attributes import read_vocabulary
from state.store.router_outcomes import read_outcome
from state.store.routers import Router, read_routers
from state.vectors import Vector, cosines

GRADIENTS_READ = 16
"""Gradients of one router that one update reads."""
NEIGHBOURS_READ = 3
_SPLIT_FROM = 2
"""Attributes a router must hold to be split between two children."""
_PROFILES = {"keep": 0, "rewrite": 1, "merge": 1, "split": 2}
"""Texts that each action needs."""


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
            for gradient in reading_order(state["gradients"])[:GRADIENTS_READ]
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


def reading_order(gradients: Iterable[Gradient]) -> list[Gradient]:
    """Return gradients in the order in which an optimizer reads them: wrong predictions first."""
    return sorted(gradients, key=lambda gradient: (gradient.reward, gradient.interaction))


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
    return (
        Effects(
            taken_in=outcome.accepted,
            kept_out=outcome.kept_out,
            reward=_two_digits(outcome.reward),
            tightness=_two_digits(tightness),
            nearest=_two_digits(max(_cosines(router, others), default=None)),
        ),
    )


def _two_digits(number: float | np.floating[Any] | None) -> str:
    return "" if number is None else f"{number:.2f}"


def _cosines(router: Router, others: Sequence[Router]) -> Vector:
    if not others:
        return np.zeros(0, dtype=np.float32)
    return cosines(np.stack([other.embedding for other in others]), router.embedding)
