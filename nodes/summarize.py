"""Summarize (Eq. 3): a router's profile takes up the attributes it took in."""

from langgraph.runtime import Runtime

from nodes.resources import resources
from nodes.step import C, begin_step
from prompts.summarize import SUMMARIZE, SummarizeFields
from state.graphs.router_update import RouterUpdateState, SummarizeTask, Summary
from state.store.routers import read_routers

ATTRIBUTES_READ = 40
"""Attributes one summary reads at most: the most widely held."""


async def summarize_router(state: SummarizeTask, runtime: Runtime[C]) -> RouterUpdateState:
    """Summarize one router: `P_R ← summarize(P_R, new attributes)`."""
    step = await begin_step(state["step"], runtime)
    profile = state["profile"]
    if profile is None:
        async with resources().pool.connection() as conn:
            routers = await read_routers(conn, step.network.id)
        profile = next(router.profile for router in routers if router.id == state["router"])
    fields = SummarizeFields(router=profile, attributes=state["attributes"][:ATTRIBUTES_READ])
    reply = await step.ask(SUMMARIZE, fields)
    return {"summaries": [Summary(router=state["router"], profile=reply.profile)]}
