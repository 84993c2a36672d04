"""Optimize profiles and filter memories (Eq. 9): one node for each kind, one call a gradient."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.step import begin_step
from prompts.optimize import (
    OPTIMIZE_FILTER_MEMORY,
    OPTIMIZE_PROFILE,
    OptimizeFilterMemoryFields,
    OptimizeProfileFields,
)
from state.domain import Gradient, Module, ModuleKind
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState, OptimizeTask, Rewrite
from state.store.versions import join_rules, split_rules


async def fan_out_gradients(state: BackwardState) -> list[Send] | Literal["commit_interaction"]:
    """Send each gradient to the optimizer of its module's kind; commit when none is left.

    After a conflict only the gradients whose module moved on are left: their last rewrite started
    from an older text than the snapshot now holds. Router gradients wait for the router update.
    """
    return [
        _send_gradient(state, gradient)
        for gradient in state["gradients"]
        if gradient.status == "pending"
        and gradient.module.kind is not ModuleKind.ROUTER
        and find_rewrite(state, gradient.module) is None
    ] or "commit_interaction"


def _send_gradient(state: BackwardState, gradient: Gradient) -> Send:
    module = gradient.module
    kind = next(client.kind for client in state["clients"] if client.id == module.owner)
    text = current_text(state, module)
    rules = module.kind is ModuleKind.FILTER_MEMORY
    return Send(
        "optimize_filter_memory" if rules else "optimize_profile",
        OptimizeTask(step=state["interaction"], gradient=gradient, kind=kind, text=text),
    )


async def optimize_profile(state: OptimizeTask, runtime: Runtime[NetworkContext]) -> BackwardState:
    """Rewrite one profile, starting from `P_c^pro`, as its gradient asks (Eq. 9), in one call."""
    step = await begin_step(state["step"], runtime)
    gradient, text = state["gradient"], state["text"]
    fields = OptimizeProfileFields(
        kind=state["kind"], profile=text, reward=gradient.reward, suggestion=gradient.suggestion
    )
    reply = await step.ask(OPTIMIZE_PROFILE, fields)
    return {"rewrites": [Rewrite(module=gradient.module, before=text, after=reply.profile)]}


async def optimize_filter_memory(
    state: OptimizeTask, runtime: Runtime[NetworkContext]
) -> BackwardState:
    """Rewrite one client's rules as their gradient asks (Eq. 9), in one call."""
    step = await begin_step(state["step"], runtime)
    gradient, text = state["gradient"], state["text"]
    rules, reward = split_rules(text), gradient.reward
    fields = OptimizeFilterMemoryFields(
        kind=state["kind"], rules=rules, reward=reward, suggestion=gradient.suggestion
    )
    after = join_rules((await step.ask(OPTIMIZE_FILTER_MEMORY, fields)).rules)
    return {"rewrites": [Rewrite(module=gradient.module, before=text, after=after)]}


def find_rewrite(state: BackwardState, module: Module) -> Rewrite | None:
    """Return the rewrite of a module of a client that started from the snapshot's text."""
    wanted = (module, current_text(state, module))
    return next((r for r in state.get("rewrites", []) if (r.module, r.before) == wanted), None)


def current_text(state: BackwardState, module: Module) -> str:
    """Return the text an optimizer starts from: the rules, or for a profile `P_c^pro`."""
    if module.kind is ModuleKind.FILTER_MEMORY:
        return next(join_rules(c.rules) for c in state["clients"] if c.id == module.owner)
    return next(r.profile for r in state["receptions"] if r.client == module.owner)
