"""AgentCF's nodes for one record: choose, and reflect on the choice."""

from typing import Literal

from langgraph.runtime import Runtime

from evals.baselines.agentcf.prompts import (
    REFLECT_ITEMS,
    REFLECT_USER,
    ItemMemories,
    ReflectionFields,
)
from evals.baselines.agentcf.state import AgentCFContext, ReflectionState
from nodes.forward import option_order
from nodes.step import Step, begin_step
from prompts.predict import PREDICT, Option, PredictFields


async def choose_item(state: ReflectionState, runtime: Runtime[AgentCFContext]) -> ReflectionState:
    """Let the user agent choose between the two items by the agents' current memories.

    The items are shown in random order, the same in every round, so that only the memories differ.
    The first choice decides the record's reward.
    """
    step = await begin_step(state["interaction"], runtime)
    fields = PredictFields(user=memories(state)[0], options=_options(step, state))
    reply = await step.ask(PREDICT, fields)
    chosen, rounds = _order(step)["AB".index(reply.choice)], state.get("round", 0) + 1
    update: ReflectionState = {"chosen": chosen, "why": reply.reason, "round": rounds}
    if rounds == 1:
        update["predicted"] = state["clients"][chosen].key
        update["reward"] = int(chosen == 1)
        update["reason"] = reply.reason
    return update


async def route_after_choice(state: ReflectionState) -> Literal["reflect_user", "reflect_items"]:
    """Route a choice to the agents that learn from it.

    A wrong choice teaches all three agents, a right first choice the user and the item taken. After
    a choice that came right by reflection, only the item's memory is strengthened.
    """
    return "reflect_items" if state["chosen"] == 1 and state["round"] > 1 else "reflect_user"


async def reflect_user(state: ReflectionState, runtime: Runtime[AgentCFContext]) -> ReflectionState:
    """Let the user agent rewrite its memory, given what it chose and what was taken."""
    step = await begin_step(state["interaction"], runtime)
    reply = await step.ask(REFLECT_USER, _fields(step, state))
    return {"written": _written(state, reply.profile, "", "")}


async def reflect_items(
    state: ReflectionState, runtime: Runtime[AgentCFContext]
) -> ReflectionState:
    """Let the agent of the item taken, and both after a wrong choice, rewrite their memories."""
    step = await begin_step(state["interaction"], runtime)
    wrong = state["chosen"] != 1

    def check(reply: ItemMemories) -> None:
        if wrong and not reply.other:
            raise ValueError("the choice was wrong: rewrite the memory of the other item too")

    reply = await step.ask(REFLECT_ITEMS, _fields(step, state), check)
    return {"written": _written(state, "", reply.taken, reply.other if wrong else "")}


async def route_after_reflection(
    state: ReflectionState, runtime: Runtime[AgentCFContext]
) -> Literal["choose_item", "commit_memories"]:
    """Let the agents choose again after a wrong choice, while rounds are left."""
    again = state["chosen"] != 1 and state["round"] < runtime.context.rounds
    return "choose_item" if again else "commit_memories"


def memories(state: ReflectionState) -> list[str]:
    """Return the current memories of user, positive and negative."""
    written = state.get("written") or [[], [], []]
    return [
        texts[-1] if texts else client.profile
        for client, texts in zip(state["clients"], written, strict=True)
    ]


def _written(state: ReflectionState, *replies: str) -> list[list[str]]:
    """Return the memories written so far with the new ones; a pinned memory stays."""
    written = state.get("written") or [[], [], []]
    return [
        [*texts, reply] if reply not in ("", memory) and not client.profile_pinned else texts
        for client, texts, memory, reply in zip(
            state["clients"], written, memories(state), replies, strict=True
        )
    ]


def _order(step: Step) -> tuple[int, int]:
    return option_order(step.network.settings.seed, step.name)


def _options(step: Step, state: ReflectionState) -> tuple[Option, Option]:
    held = memories(state)
    first, second = (
        Option(name=name, title=state["clients"][at].title, profile=held[at])
        for name, at in zip("AB", _order(step), strict=True)
    )
    return first, second


def _fields(step: Step, state: ReflectionState) -> ReflectionFields:
    letters = dict(zip(_order(step), "AB", strict=True))
    return ReflectionFields(
        user=memories(state)[0],
        options=_options(step, state),
        chosen=letters[state["chosen"]],
        reason=state["why"],
        taken=letters[1],
        reward=int(state["chosen"] == 1),
    )
