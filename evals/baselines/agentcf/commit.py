"""The ends of a record in AgentCF: the commit of its memories, or the reason of its failure."""

import logging
from collections.abc import Sequence
from typing import Literal

from langgraph.runtime import Runtime

from evals.baselines.agentcf.state import AgentCFContext, ReflectionState
from nodes.commit_interaction import write_change
from nodes.step import Step, begin_step
from state.domain import Client
from state.errors import ConflictError
from state.graphs.interaction import InteractionOutput, InteractionState, ModuleChange
from state.store.clients import read_client_versions, read_clients
from state.store.interactions import Interaction, find_interaction, write_interaction

_CONFLICTS = 5

_log = logging.getLogger(__name__)


async def commit_memories(
    state: ReflectionState, runtime: Runtime[AgentCFContext]
) -> ReflectionState:
    """Commit the interaction with all memories that its agents wrote, in one transaction.

    The agents rewrite their memories in view of each other's. So where one of them has changed
    since it was read, nothing is committed and the record begins again with the current memories.

    Raises:
        ConflictError: that happened more than five times.
    """
    step = await begin_step(state["interaction"], runtime)
    network, clients = step.network.id, state["clients"]
    changes = [
        ModuleChange(
            module=client.profile_module,
            base=client.profile_version,
            texts=tuple((text, "reflection") for text in texts),
        )
        for client, texts in zip(clients, state["written"], strict=True)
        if texts
    ]
    vectors = await step.embed_each({change.module: change.texts[-1][0] for change in changes})
    async with step.commit() as conn:
        settled = await find_interaction(conn, network, step.name)
        if settled is not None and not settled.failure:
            # By this run before it was stopped, or by another run of the same record.
            reward = settled.reward or 0
            return {
                "committed": True,
                "predicted": clients[2 - reward].key,
                "reward": reward,
                "reason": settled.reason,
            }
        ids = [client.id for client in clients]
        held = await read_client_versions(conn, network, ids)
        if any(held[client.id][0] != client.profile_version for client in clients):
            conflicts = state.get("conflicts", 0) + 1
            if conflicts > _CONFLICTS:
                raise ConflictError(
                    f"its clients changed {_CONFLICTS} times while it was learned from"
                )
            _log.info("%s met newer memories", step.name)
            newer = await read_clients(conn, network, ids)
            again: ReflectionState = {"clients": newer, "written": [], "round": 0}
            return {"committed": False, "conflicts": conflicts, **again}
        async with conn.pipeline():
            made = _interaction(step, clients, state["reward"], state["reason"])
            await write_interaction(conn, network, made)
            for change in changes:
                await write_change(conn, step, change, vectors[change.module])
    return {"committed": True}


async def route_after_commit(state: ReflectionState) -> Literal["choose_item", "__end__"]:
    """Route a commit that met newer memories back to the choice."""
    return "__end__" if state["committed"] else "choose_item"


async def record_failure(
    state: InteractionState, runtime: Runtime[AgentCFContext]
) -> InteractionOutput:
    """Store why a record failed; its memories stay as they were."""
    step = await begin_step(state["interaction"], runtime)
    async with step.commit() as conn:
        failed = _interaction(step, state["clients"], None, failure=state["failure"])
        await write_interaction(conn, step.network.id, failed)
    return {}


def _interaction(
    step: Step, clients: Sequence[Client], reward: int | None, reason: str = "", failure: str = ""
) -> Interaction:
    user, positive, negative = (client.id for client in clients)
    return Interaction(
        id=step.name, user_id=user, positive_id=positive, negative_id=negative,
        predicted_id=None if reward is None else (negative, positive)[reward],
        reward=reward, reason=reason, failure=failure,
    )  # fmt: skip
