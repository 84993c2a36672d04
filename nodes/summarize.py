"""Summarize (Eq. 3): a router's profile with its new attributes."""

import logging

from langgraph.runtime import Runtime

from nodes.step import C, begin_step
from prompts.llm.errors import ReplyError
from prompts.summarize import SUMMARIZE, SummarizeFields
from state.domain import MESSAGE_LENGTH, clean
from state.graphs.router_update import RouterUpdateState, SummarizeTask, Summary
from state.store.routers import read_routers

_log = logging.getLogger(__name__)

ATTRIBUTES_READ = 40
"""Attributes one summary reads at most: the most widely held."""


async def summarize_router(state: SummarizeTask, runtime: Runtime[C]) -> RouterUpdateState:
    """Summarize one router, `P_R* = summarize({a}, P_R)`, in one call; a pinned one stays."""
    step = await begin_step(state["step"], runtime)
    profile = state["profile"]
    if profile is None:
        async with step.connection() as conn:
            routers = await read_routers(conn, step.network.id)
        router = next(router for router in routers if router.id == state["router"])
        if router.pinned:
            return {"summaries": []}
        profile = router.profile
    fields = SummarizeFields(router=profile, attributes=state["attributes"][:ATTRIBUTES_READ])
    try:
        profile = (await step.ask(SUMMARIZE, fields)).profile
    except ReplyError as error:
        # One bad reply must not stop the network: the router keeps its text; a new one has none
        # yet, so its text is the list of its attributes.
        _log.warning("%s: router %d was not summarized: %s", step.name, state["router"], error)
        profile = profile or clean(f"{'; '.join(fields.attributes)}.", MESSAGE_LENGTH)
    return {"summaries": [Summary(router=state["router"], profile=profile)]}
