"""Opening and failing: the two ends of an interaction that call no model."""

from typing import Literal
from uuid import uuid4

from langgraph.errors import NodeError
from langgraph.runtime import Runtime
from langgraph.types import Command

from nodes.resources import resources
from nodes.step import Step, begin_step
from prompts.errors import ReplyError
from state.domain import KEY_LENGTH, ClientKind, clean_line
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionOutput, InteractionState
from state.pool import Connection
from state.store.clients import find_clients, read_clients
from state.store.interactions import Interaction, find_interaction, mark_claim, write_interaction
from state.store.windows import add_pending, claim_window


async def open_interaction(
    state: InteractionState, runtime: Runtime[NetworkContext]
) -> InteractionOutput:
    """Check the record and find out whether it was settled before.

    A record that failed before is tried again; one that was learned from returns what it returned.

    Raises:
        InputError: unknown clients, positive equal to negative, or an identity used for another
            record.
    """
    identity = clean_line(state.get("interaction") or "", KEY_LENGTH) or mint_identity()
    step = await begin_step(identity, runtime, first=True)
    _ = step.network.shape
    async with resources().pool.connection() as conn:
        user, positive, negative = await _resolve(conn, step, state)
        settled = await find_interaction(conn, step.network.id, identity)
        if settled is None or settled.failure:
            _same_record(settled, user, positive, negative)
            # A thread that failed before still holds its last state.
            return {"interaction": identity, "repeated": False, "failure": "", "window": None}
        _same_record(settled, user, positive, negative)
        predicted = await read_clients(conn, step.network.id, [settled.predicted_id or positive])
    return {
        "interaction": identity,
        "repeated": True,
        "predicted": predicted[0].key,
        "reward": settled.reward or 0,
        "reason": settled.reason,
        "failure": "",
        "window": None,
    }


def mint_identity() -> str:
    """Return a fresh identity for a live record that came without one."""
    return f"live:{uuid4()}"


def is_settled(state: InteractionState) -> Literal["forward", "__end__"]:
    """Route a record that was settled before to the end: it costs nothing again."""
    return "__end__" if state.get("repeated") else "forward"


def reaches_update_size(state: InteractionState) -> Literal["router_update", "__end__"]:
    """Route to the router update where this commit filled the pending set and claimed it."""
    return "router_update" if state.get("window") is not None else "__end__"


async def record_failure(
    state: InteractionState, error: NodeError, runtime: Runtime[NetworkContext]
) -> Command[Literal["router_update", "__end__"]]:
    """Store why a record failed when a reply stayed bad; its clients keep their place.

    Any other error is no property of the record and stops the run, which can be resumed.
    """
    if not isinstance(error.error, ReplyError):
        raise error.error
    step = await begin_step(state["interaction"], runtime)
    reason = str(error.error)
    async with step.commit() as conn:
        user, positive, negative = await _resolve(conn, step, state)
        failed = Interaction(
            id=state["interaction"], user_id=user, positive_id=positive, negative_id=negative,
            predicted_id=None, reward=None, reason="", failure=reason, window_id=None,
        )  # fmt: skip
        await write_interaction(conn, step.network.id, failed)
        window = await join_window(conn, step, (user, positive, negative))
    return Command(
        update={"failure": reason, "window": window},
        goto=reaches_update_size({**state, "window": window}),
    )


async def join_window(conn: Connection, step: Step, clients: tuple[int, ...]) -> int | None:
    """Add a record's clients to the pending set and claim it where it is full."""
    await add_pending(conn, step.network.id, clients)
    window = await claim_window(conn, step.network.id, step.network.shape.update_size)
    if window is not None:
        await mark_claim(conn, step.network.id, step.name, window)
    return window


async def _resolve(conn: Connection, step: Step, state: InteractionState) -> tuple[int, int, int]:
    users = await find_clients(conn, step.network.id, ClientKind.USER, [state["user"]])
    keys = [state["positive"], state["negative"]]
    items = await find_clients(conn, step.network.id, ClientKind.ITEM, keys)
    if keys[0] == keys[1]:
        raise InputError(f"item '{keys[0]}' cannot be both the positive and the negative")
    return users[state["user"]], items[keys[0]], items[keys[1]]


def _same_record(settled: Interaction | None, user: int, positive: int, negative: int) -> None:
    if settled is None:
        return
    if (settled.user_id, settled.positive_id, settled.negative_id) != (user, positive, negative):
        raise InputError(
            f"interaction '{settled.id}' was another record: give this one an identity of its own"
        )
