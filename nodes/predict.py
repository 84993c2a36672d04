"""Forward: load the three clients, receive their messages, predict."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.reception import receptions_of
from nodes.resources import resources
from nodes.step import begin_step
from prompts.predict import PREDICT, Option, PredictFields
from state.domain import Client, ClientKind, Reception
from state.graphs.context import NetworkContext
from state.graphs.interaction import ForwardState, MergeTask
from state.randomness import draw
from state.store.clients import find_clients, read_clients


async def load_clients(state: ForwardState, runtime: Runtime[NetworkContext]) -> ForwardState:
    """Read user, positive and negative with their versions and buffers: this step's snapshot."""
    step = await begin_step(state["interaction"], runtime)
    keys = [state["positive"], state["negative"]]
    async with resources().pool.connection() as conn:
        users = await find_clients(conn, step.network.id, ClientKind.USER, [state["user"]])
        items = await find_clients(conn, step.network.id, ClientKind.ITEM, keys)
        ids = [users[state["user"]], *(items[key] for key in keys)]
        return {"clients": await read_clients(conn, step.network.id, ids)}


async def fan_out_messages(state: ForwardState) -> list[Send] | Literal["predict_choice"]:
    """Send each client whose buffer holds messages to its merge; with none, predict at once."""
    return [
        Send("merge_messages", MergeTask(step=state["interaction"], client=client))
        for client in state["clients"]
        if client.messages
    ] or "predict_choice"


async def predict_choice(state: ForwardState, runtime: Runtime[NetworkContext]) -> ForwardState:
    """Predict which of the two items the user takes, shown in random order."""
    step = await begin_step(state["interaction"], runtime)
    clients = state["clients"]
    receptions = receptions_of(clients, state.get("merged", []))
    order = option_order(step.network.settings.seed, state["interaction"])
    reply = await step.ask(
        PREDICT,
        PredictFields(user=receptions[0].profile, options=name_options(clients, receptions, order)),
    )
    chosen = order["AB".index(reply.choice)]
    return {
        "receptions": receptions,
        "predicted": clients[chosen].key,
        "reward": int(chosen == 1),
        "reason": reply.reason,
    }


def option_order(seed: int, interaction: str) -> tuple[int, int]:
    """Return which of positive (1) and negative (2) is shown as A, and which as B."""
    return (1, 2) if draw(seed, interaction, "order").random() < 0.5 else (2, 1)


def name_options(
    clients: list[Client], receptions: list[Reception], order: tuple[int, int]
) -> tuple[Option, Option]:
    """Return the two items as A and B, under names that say nothing about them."""
    first, second = (
        Option(name=name, title=clients[at].title, profile=receptions[at].profile)
        for name, at in zip("AB", order, strict=True)
    )
    return first, second
