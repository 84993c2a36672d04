"""Optimize profiles and filter memories (Eq. 9): one node for each kind, one call a gradient."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.step import begin_step
from prompts.optimize_filter_memory import OPTIMIZE_FILTER_MEMORY, OptimizeFilterMemoryFields
from prompts.optimize_profile import OPTIMIZE_PROFILE, OptimizeProfileFields
from state.domain import Module, ModuleKind
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState, OptimizeTask, Rewrite
from state.store.versions import join_rules, split_rules

_OPTIMIZERS = {
    ModuleKind.USER_PROFILE: "optimize_profile",
    ModuleKind.ITEM_PROFILE: "optimize_profile",
    ModuleKind.FILTER_MEMORY: "optimize_filter_memory",
}


async def fan_out_gradients(state: BackwardState) -> list[Send] | Literal["commit_interaction"]:
    """Send each gradient to the optimizer of its module's kind; commit when none is left.

    After a conflict only the gradients whose module moved on are left: their last rewrite started
    from an older text than the snapshot now holds. Router gradients wait for the router update.
    """
    kinds = {client.id: client.kind for client in state["clients"]}
    return [
        Send(
            _OPTIMIZERS[gradient.module.kind],
            OptimizeTask(
                step=state["interaction"],
                gradient=gradient,
                kind=kinds[gradient.module.owner],
                text=current_text(state, gradient.module),
            ),
        )
        for gradient in state["gradients"]
        if gradient.status == "pending"
        and gradient.module.kind in _OPTIMIZERS
        and find_rewrite(state, gradient.module) is None
    ] or "commit_interaction"


async def optimize_profile(state: OptimizeTask, runtime: Runtime[NetworkContext]) -> BackwardState:
    """Rewrite one profile, starting from `P_c^pro`, as its gradient asks (Eq. 9), in one call."""
    step = await begin_step(state["step"], runtime)
    gradient = state["gradient"]
    fields = OptimizeProfileFields(
        kind=state["kind"],
        profile=state["text"],
        reward=gradient.reward,
        suggestion=gradient.suggestion,
    )
    reply = await step.ask(OPTIMIZE_PROFILE, fields)
    rewrite = Rewrite(module=gradient.module, before=state["text"], after=reply.profile)
    return {"rewrites": [rewrite]}


async def optimize_filter_memory(
    state: OptimizeTask, runtime: Runtime[NetworkContext]
) -> BackwardState:
    """Rewrite one client's rules as their gradient asks (Eq. 9), in one call."""
    step = await begin_step(state["step"], runtime)
    gradient = state["gradient"]
    fields = OptimizeFilterMemoryFields(
        kind=state["kind"],
        rules=split_rules(state["text"]),
        reward=gradient.reward,
        suggestion=gradient.suggestion,
    )
    reply = await step.ask(OPTIMIZE_FILTER_MEMORY, fields)
    rules = join_rules(reply.rules)
    return {"rewrites": [Rewrite(module=gradient.module, before=state["text"], after=rules)]}


def find_rewrite(state: BackwardState, module: Module) -> Rewrite | None:
    """Return the rewrite of a module of a client that started from the snapshot's text."""
    text = current_text(state, module)
    for rewrite in state.get("rewrites", []):
        if rewrite.module == module and rewrite.before == text:
            return rewrite
    return None


def current_text(state: BackwardState, module: Module) -> str:
    """Return the text an optimizer starts from: the rules, or for a profile `P_c^pro`."""
    if module.kind is ModuleKind.FILTER_MEMORY:
        return next(join_rules(c.rules) for c in state["clients"] if c.id == module.owner)
    return next(r.profile for r in state["receptions"] if r.client == module.owner)
