"""The nodes of `forward`: buffered messages are merged into profiles (§2.3), then the user's choice
between two items is predicted (§2.4).
"""

from collections.abc import Iterable
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.step import C, Step, begin_step
from prompts.merge import MERGE, Merge, MergeFields, Named
from prompts.predict import PREDICT, Option, PredictFields
from state.db.pool import Connection
from state.domain import Client, ClientKind, FilterDecision, Reception
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import ForwardState, InteractionInput, MergeTask
from state.graphs.recommend import RecommendUpdate
from state.randomness import draw
from state.store.clients import find_clients, read_clients
from state.store.merged_views import find_view, keep_view


async def load_clients(state: ForwardState, runtime: Runtime[C]) -> ForwardState:
    """Read user, positive and negative with their versions and buffers: this step's snapshot."""
    step = await begin_step(state["interaction"], runtime)
    async with step.connection() as conn:
        ids = await find_record(conn, step.network.id, state)
        return {"clients": await read_clients(conn, step.network.id, ids)}


async def find_record(
    conn: Connection, network: int, record: InteractionInput | ForwardState
) -> tuple[int, int, int]:
    """Return the ids of user, positive and negative; unknown or equal ones raise InputError."""
    positive, negative = record["positive"], record["negative"]
    users = await find_clients(conn, network, ClientKind.USER, [record["user"]])
    items = await find_clients(conn, network, ClientKind.ITEM, [positive, negative])
    if items[positive] == items[negative]:
        raise InputError(f"item '{positive}' cannot be both the positive and the negative")
    return users[record["user"]], items[positive], items[negative]


async def fan_out_messages(state: ForwardState) -> list[Send] | Literal["predict_choice"]:
    """Send each client whose buffer holds messages to its merge; with none, predict at once."""
    step, clients = state["interaction"], state["clients"]
    return fan_out_merges("merge_messages", step, clients) or "predict_choice"


def fan_out_merges(node: str, step: str, clients: Iterable[Client]) -> list[Send]:
    """Send each client whose buffer holds messages to a node that merges them."""
    return [
        Send(node, MergeTask(step=step, client=client)) for client in clients if client.messages
    ]


async def merge_messages(state: MergeTask, runtime: Runtime[NetworkContext]) -> ForwardState:
    """Merge one client's messages for an interaction (Eq. 5), in one call.

    A cached view of the same profile, rules and buffer is used instead; so is one that another
    interaction of this process is making now.
    """
    step = await begin_step(state["step"], runtime)
    client = state["client"]
    async with step.resources.locks.hold(f"{step.network.id}/merge/{client.id}"):
        return {"merged": [await _view(step, client)]}


async def merge_view(state: MergeTask, runtime: Runtime[NetworkContext]) -> RecommendUpdate:
    """Merge one client's messages for reading (Eq. 5): nothing of the network changes."""
    step = await begin_step(state["step"], runtime)
    return {"views": [await _view(step, state["client"])]}


async def _view(step: Step, client: Client) -> Reception:
    made_by = step.resources.model_client.fingerprint(MERGE)
    async with step.connection() as conn:
        view = await find_view(conn, step.network.id, client, made_by)
    if view is None:
        view = await receive(step, client)
        async with step.connection() as conn:
            await keep_view(conn, step.network.id, client, made_by, view)
    return view


async def receive(step: Step, client: Client) -> Reception:
    """Ask for the merge of a client's messages: `P_c^pro = merge({R_c}, F_c, P_c)` (Eq. 5).

    Where no message is accepted the profile stays word for word.
    """
    held = client.rules if step.network.settings.filter_memory else ()
    rules = {f"rule {n}": rule for n, rule in enumerate(held, start=1)}
    messages = {f"message {n}": message for n, message in enumerate(client.messages, start=1)}
    fields = MergeFields(
        kind=client.kind,
        profile=client.profile,
        rules=tuple(Named(name=name, text=rule) for name, rule in rules.items()),
        messages=tuple(Named(name=name, text=m.body) for name, m in messages.items()),
    )

    def check(reply: Merge) -> None:
        if sorted(decision.message for decision in reply.filter_decisions) != sorted(messages):
            raise ValueError(f"give exactly one decision for each of: {', '.join(messages)}")

    reply = await step.ask(MERGE, fields, check)
    decisions = tuple(
        FilterDecision(
            message=(message := messages[decision.message]).id,
            sender=message.sender,
            version=message.version,
            accepted=decision.accepted,
            rule="" if decision.accepted else rules.get(decision.rule, ""),
            reason=decision.reason,
        )
        for decision in sorted(reply.filter_decisions, key=lambda d: messages[d.message].id)
    )
    profile = reply.profile if any(d.accepted for d in decisions) else client.profile
    return Reception(client=client.id, profile=profile, filter_decisions=decisions)


def receptions_of(clients: list[Client], merged: list[Reception]) -> list[Reception]:
    """Return one reception for each client in order; without messages `P_c^pro = P_c`.

    Filter decisions that were made on delivery, and belong to no interaction yet, come first.
    """
    found = {reception.client: reception for reception in merged}
    receptions = []
    for client in clients:
        reception = found.get(client.id, Reception(client=client.id, profile=client.profile))
        decisions = (*client.filter_decisions, *reception.filter_decisions)
        receptions.append(reception.model_copy(update={"filter_decisions": decisions}))
    return receptions


async def predict_choice(state: ForwardState, runtime: Runtime[NetworkContext]) -> ForwardState:
    """Predict in one call which of the items the user takes (Eq. 6), and the reward (Eq. 7)."""
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
