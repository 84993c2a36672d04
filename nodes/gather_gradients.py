"""Gather: what waits for a router update, and which active router answers for it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.resources import resources
from nodes.step import Step, begin_step, window_step
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.router_update import (
    ExtractTask,
    Feedback,
    OptimizeRouterTask,
    RouterUpdateState,
)
from state.settings import Propagation
from state.store.gradients import StoredGradient, pending_gradients
from state.store.routers import Router, read_routers
from state.store.windows import open_window
from state.vectors import Vector, cosines

ROUTERLESS: frozenset[Propagation] = frozenset({"em", "em+lr", "em+lr+ls", "clients"})
"""Ways of travel from client to client: routers neither learn nor speak."""


async def gather_gradients(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Read the claimed window and the pending gradients of the routers.

    A gradient for a router that retired goes to its heir; after a split to the nearer child.

    Raises:
        InputError: the network has no claimed window.
    """
    step = await begin_step("router update", runtime)
    async with resources().pool.connection() as conn:
        window = await open_window(conn, step.network.id)
        pending = await pending_gradients(conn, step.network.id)
        routers = await read_routers(conn, step.network.id, retired=True)
    if window is None or window.id != (state.get("window") or window.id):
        raise InputError(f"network '{step.network.name}' has no claimed window to update from")
    step = Step(step.network, window_step(window.id), step.resources)
    network_settings = step.network.settings
    if network_settings.propagation in ROUTERLESS:
        pending = []  # they wait, for a copy in which routers speak again
    return {
        "window": window.id,
        "members": list(window.members),
        "propagation": network_settings.propagation,
        "reception": network_settings.reception,
        "feedback": await _address(step, pending, routers),
    }


async def fan_out_update(state: RouterUpdateState) -> list[Send] | Literal["__end__"]:
    """Send each router with gradients to its optimizer, and each changed client to extraction.

    Where updates travel without routers, the changed clients are matched instead. A run that came
    late has gathered nothing and ends.
    """
    if state.get("propagation") in ROUTERLESS:
        return [Send("match_clients", state)] if state.get("members") else "__end__"
    step = window_step(state.get("window"))
    named: dict[int, list[Feedback]] = {}
    for feedback in state.get("feedback", []):
        named.setdefault(feedback.router, []).append(feedback)
    optimize = [
        Send("optimize_router", OptimizeRouterTask(step=step, router=router, feedback=feedback))
        for router, feedback in sorted(named.items())
    ]
    extract = [
        Send("extract_attributes", ExtractTask(step=step, client=client))
        for client in state.get("members", [])
    ]
    return optimize + extract or "__end__"


async def route_to_commit(
    state: RouterUpdateState,
) -> Literal["dry_run_delivery", "commit_router_update"]:
    """Route to the commit, or to the rehearsal of it where messages are merged on delivery."""
    return "dry_run_delivery" if state.get("reception") == "delivery" else "commit_router_update"


async def _address(
    step: Step, pending: Sequence[StoredGradient], routers: Sequence[Router]
) -> list[Feedback]:
    heirs = {router.id: router.heirs for router in routers}
    vectors = {router.id: router.embedding for router in routers}
    late = [gradient for gradient in pending if heirs[gradient.owner]]
    said: dict[tuple[str, int], Vector] = {}
    if late:
        embedded = await step.embed([g.suggestion for g in late])
        said = dict(zip([(g.interaction_id, g.owner) for g in late], embedded, strict=True))
    return [
        Feedback(
            router=heir_of(g.owner, heirs, vectors, said.get((g.interaction_id, g.owner))),
            interaction=g.interaction_id,
            named=g.owner,
            reward=g.reward,
            suggestion=g.suggestion,
        )
        for g in pending
    ]


def heir_of(
    router: int,
    heirs: Mapping[int, Sequence[int]],
    vectors: Mapping[int, Vector],
    said: Vector | None,
) -> int:
    """Return the active router that answers for a router: itself, or an heir (decision 8).

    Args:
        router: the router that a gradient names.
        heirs: those of every router; none for one that is active.
        vectors: unit vectors of the routers.
        said: that of the gradient's suggestion, by which the nearer child of a split is found.
    """
    while children := heirs[router]:
        if len(children) == 1 or said is None:
            router = children[0]
        else:
            router = nearest(said, {child: vectors[child] for child in children})
    return router


def nearest(vector: Vector, others: Mapping[int, Vector]) -> int:
    """Return the id whose unit vector has the largest cosine; the lowest id where two tie."""
    ids = sorted(others)
    near = cosines(np.stack([others[i] for i in ids]), vector)
    return ids[int(np.argmax(near))]
