"""Optimize routers (paper, §3.4): keep, rewrite, split or merge, on gathered gradients."""

from typing import Any

import numpy as np
from langgraph.runtime import Runtime

from nodes.resources import resources
from nodes.step import Step, begin_step
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
from state.graphs.context import NetworkContext
from state.graphs.router_update import OptimizeRouterTask, RouterDecision, RouterUpdateState
from state.store.attributes import read_phrases, read_vocabulary
from state.store.router_outcomes import read_outcome
from state.store.routers import Router, read_routers
from state.vectors import Vector, cosines

FEEDBACK_READ = 16
"""Gradients one update reads of one router: the misses first."""

NEIGHBOURS_READ = 3
_SPLIT_FROM = 2
"""Attributes without which there is nothing to hand to two children."""
_PROFILES = {"keep": 0, "rewrite": 1, "merge": 1, "split": 2}


async def optimize_router(
    state: OptimizeRouterTask, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Ask what becomes of one router, given the gradients that gathered for it."""
    step = await begin_step(state["step"], runtime)
    async with resources().pool.connection() as conn:
        routers = {r.id: r for r in await read_routers(conn, step.network.id)}
        router = routers.pop(state["router"])
        phrases = await read_phrases(conn, step.network.id, router.attributes)
    if router.pinned:
        return {"decisions": [_kept(router, f"router {router.id} is pinned")]}
    if not step.network.settings.optimize_routers:  # gradients of before the network was copied
        return {"decisions": [_kept(router, "routers are frozen")]}
    free = [other for other in routers.values() if not other.pinned]
    neighbours = {f"router {other.id}": other for other in _nearest(router, free)}
    fields = OptimizeRouterFields(
        router=router.profile,
        attributes=tuple(phrases[a] for a in router.attributes),
        feedback=tuple(
            Feedback(reward=f.reward, suggestion=f.suggestion)
            for f in sorted(state["feedback"], key=lambda f: (f.reward, f.interaction))
        )[:FEEDBACK_READ],
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
        # One bad reply must not stop the network: the router is kept as it is.
        return {"decisions": [_kept(router, str(error))]}
    decision = RouterDecision(
        router=router.id,
        base=router.version,
        action=reply.action,
        profiles=tuple(reply.profiles),
        partner=neighbours[reply.partner].id if reply.action == "merge" else None,
        reason=reply.reason,
    )
    return {"decisions": [decision]}


async def _effects(step: Step, router: Router, others: list[Router]) -> tuple[Effects, ...]:
    """Return what the router's messages did (outer evidence) and how it stands (inner)."""
    if step.network.settings.router_evidence != "effects":
        return ()
    async with resources().pool.connection() as conn:
        outcome = await read_outcome(conn, step.network.id, router.id)
        known = await read_vocabulary(conn, step.network.id)
    vectors = dict(zip(known.ids, known.vectors, strict=True))
    # The mean of unit vectors is as long as they are alike.
    held = [vectors[attribute] for attribute in router.attributes]
    tightness = np.linalg.norm(np.mean(held, axis=0, dtype=np.float64)) if held else None
    nearest = max(_cosines(router, others), default=None)
    return (
        Effects(
            taken_in=outcome.accepted,
            kept_out=outcome.kept_out,
            reward=_two_digits(outcome.reward),
            tightness=_two_digits(tightness),
            nearest=_two_digits(nearest),
        ),
    )


def _two_digits(number: float | np.floating[Any] | None) -> str:
    return "" if number is None else f"{number:.2f}"


def _kept(router: Router, failure: str) -> RouterDecision:
    return RouterDecision(
        router=router.id, base=router.version, action="keep", profiles=(), partner=None,
        reason="", failure=failure,
    )  # fmt: skip


def _nearest(router: Router, others: list[Router]) -> list[Router]:
    order = np.argsort(-_cosines(router, others), kind="stable")
    return [others[i] for i in order[:NEIGHBOURS_READ]]


def _cosines(router: Router, others: list[Router]) -> Vector:
    if not others:
        return np.zeros(0, dtype=np.float32)
    return cosines(np.stack([other.embedding for other in others]), router.embedding)
