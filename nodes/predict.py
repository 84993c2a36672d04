"""Predict which of two items a user takes (Eq. 6), from merged profiles."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.reception import fan_out_merges, receptions_of
from nodes.step import C, begin_step
from prompts.predict import PREDICT, Option, PredictFields
from state.db.pool import Connection
from state.domain import Client, ClientKind, Reception
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import ForwardState, InteractionInput
from state.randomness import draw
from state.store.clients import find_clients, read_clients


async def load_clients(state: ForwardState, runtime: Runtime[C]) -> ForwardState:
    """Read user, positive and negative with their versions and buffers: this step's snapshot."""
    step = await begin_step(state["interaction"], runtime)
    async with step.connection() as conn:
        ids = await find_record(conn, step.network.id, state)
        return {"clients": await read_clients(conn, step.network.id, ids)}


async def find_record(
    conn: Connection, network: int, record: InteractionInput | ForwardState
) -> tuple[int, int, int]:
    """Return the ids of user, positive and negative.

    Raises:
        InputError: one is unknown, or both items are the same.
    """
    positive, negative = record["positive"], record["negative"]
    users = await find_clients(conn, network, ClientKind.USER, [record["user"]])
    items = await find_clients(conn, network, ClientKind.ITEM, [positive, negative])
    if items[positive] == items[negative]:
        raise InputError(f"item '{positive}' cannot be both the positive and the negative")
    return users[record["user"]], items[positive], items[negative]


async def fan_out_messages(state: ForwardState) -> list[Send] | Literal["predict_choice"]:
    """Send each client whose buffer holds messages to its merge; with none, predict at once."""
    return (
        fan_out_merges("merge_messages", state["interaction"], state["clients"]) or "predict_choice"
    )


async def predict_choice(state: ForwardState, runtime: Runtime[NetworkContext]) -> ForwardState:
    """Predict which of the two items the user takes (Eq. 6), and compute the reward (Eq. 7).

    One call, with the items in an order drawn by seed.
    """
    step = await begin_step(state["interaction"], runtime)
    clients = state["clients"]
    receptions = receptions_of(clients, state.get("merged", []))
    order = option_order(step.network.settings.seed, state["interaction"])
    fields = PredictFields(
        user=receptions[0].profile, options=name_options(clients, receptions, order)
    )
    reply = await step.ask(PREDICT, fields)
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
