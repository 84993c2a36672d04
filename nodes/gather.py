"""Gather: what waits for a router update, and which active router answers for it."""

from collections.abc import Mapping, Sequence

import numpy as np
from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.resources import resources
from nodes.step import begin_step
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.router_update import (
    ExtractTask,
    Feedback,
    OptimizeRouterTask,
    RouterUpdateState,
)
from state.store.gradients import StoredGradient, pending_gradients
from state.store.routers import read_routers
from state.store.windows import open_window
from state.vectors import Vector


async def gather_gradients(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Read the claimed window and the pending gradients of the routers.

    A gradient for a router that retired goes to its heir; after a split to the nearer child.

    Raises:
        InputError: the network has no claimed window.
    """
    step = await begin_step("router update", runtime, first=True)
    async with resources().pool.connection() as conn:
        window = await open_window(conn, step.network.id)
        pending = await pending_gradients(conn, step.network.id)
        routers = await read_routers(conn, step.network.id, retired=True)
    if window is None or window.id != (state.get("window") or window.id):
        raise InputError(f"network '{step.network.name}' has no claimed window to update from")
    heirs = {router.id: router.heirs for router in routers}
    vectors = {router.id: router.embedding for router in routers}
    feedback = [await _address(gradient, heirs, vectors) for gradient in pending]
    return {"window": window.id, "members": list(window.members), "feedback": feedback}


def fan_out_update(state: RouterUpdateState) -> list[Send]:
    """Send each router with gradients to its optimizer, and each changed client to extraction."""
    step = f"window {state['window']}"
    named: dict[int, list[Feedback]] = {}
    for feedback in state["feedback"]:
        named.setdefault(feedback.router, []).append(feedback)
    optimize = [
        Send("optimize_router", OptimizeRouterTask(step=step, router=router, feedback=feedback))
        for router, feedback in sorted(named.items())
    ]
    extract = [
        Send("extract_attributes", ExtractTask(step=step, client=client))
        for client in state["members"]
    ]
    return optimize + extract


async def _address(
    gradient: StoredGradient,
    heirs: Mapping[int, Sequence[int]],
    vectors: Mapping[int, Vector],
) -> Feedback:
    router = gradient.owner
    vector: Vector | None = None
    while children := heirs[router]:
        if len(children) == 1:
            router = children[0]
            continue
        if vector is None:
            vector = (await resources().encoder.embed([gradient.suggestion]))[0]
        router = nearest(vector, {child: vectors[child] for child in children})
    return Feedback(
        router=router,
        interaction=gradient.interaction_id,
        named=gradient.owner,
        reward=gradient.reward,
        suggestion=gradient.suggestion,
    )


def nearest(vector: Vector, others: Mapping[int, Vector]) -> int:
    """Return the id whose unit vector has the largest cosine; the lowest id where two tie."""
    ids = sorted(others)
    cosines = np.stack([others[i] for i in ids]) @ vector
    return ids[int(np.argmax(cosines))]
