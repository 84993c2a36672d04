"""Gather the pending gradients of routers, and the changed clients of the claimed window."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.propagation import PROPAGATION_METHODS
from nodes.step import Step, begin_step, window_step
from state.domain import Gradient
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.router_update import ExtractTask, OptimizeRouterTask, RouterUpdateState
from state.store.gradients import read_pending_gradients
from state.store.routers import Router, read_routers
from state.store.windows import open_window
from state.vectors import Vector, cosines


async def gather_gradients(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Read the claimed window and the pending gradients of the routers (Algorithm 1, line 13).

    A gradient for a router that retired goes to its heir; after a split to the nearer child.

    Raises:
        InputError: the network has no claimed window.
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
    grouped: dict[int, list[Gradient]] = {}
    for gradient in state["pending_gradients"]:
        grouped.setdefault(gradient.applied_to or gradient.module.owner, []).append(gradient)
    return [
        Send("optimize_router", OptimizeRouterTask(step=step, router=router, gradients=gradients))
        for router, gradients in sorted(grouped.items())
    ] + [Send("extract_attributes", ExtractTask(step=step, client=client)) for client in members]


async def route_to_commit(
    state: RouterUpdateState,
) -> Literal["dry_run_delivery", "commit_router_update"]:
    """Route to the commit, or to its dry run where messages are merged on delivery."""
    return "dry_run_delivery" if state.get("reception") == "delivery" else "commit_router_update"


async def _address(
    step: Step, gradients: Sequence[Gradient], routers: Sequence[Router]
) -> list[Gradient]:
    """Return the gradients, each with its active router in `applied_to`."""
    heirs = {router.id: router.heirs for router in routers}
    vectors = {router.id: router.embedding for router in routers}
    suggestions = await step.embed_each(
        {
            (gradient.interaction, gradient.module.owner): gradient.suggestion
            for gradient in gradients
            if heirs[gradient.module.owner]
        }
    )
    addressed = []
    for gradient in gradients:
        owner = gradient.module.owner
        suggestion = suggestions.get((gradient.interaction, owner))
        heir = heir_of(owner, heirs, vectors, suggestion)
        addressed.append(gradient.model_copy(update={"applied_to": heir}))
    return addressed


def heir_of(
    router: int,
    heirs: Mapping[int, Sequence[int]],
    vectors: Mapping[int, Vector],
    suggestion: Vector | None,
) -> int:
    """Return the active router that answers for a router: itself, or an heir.

    Args:
        router: the router that a gradient names.
        heirs: those of every router; none for one that is active.
        vectors: unit vectors of the routers.
        suggestion: that of the gradient's suggestion, which decides between the children of a
            split.
    """
    while children := heirs[router]:
        if len(children) == 1 or suggestion is None:
            router = children[0]
        else:
            router = nearest(suggestion, {child: vectors[child] for child in children})
    return router


def nearest(vector: Vector, others: Mapping[int, Vector]) -> int:
    """Return the id whose unit vector has the largest cosine (Eq. 2); the lowest id in a tie."""
    ids = sorted(others)
    near = cosines(np.stack([others[i] for i in ids]), vector)
    return ids[int(np.argmax(near))]
