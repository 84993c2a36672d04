"""Opening and failing: the two ends of an interaction that call no model."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeVar
from uuid import uuid4

from langgraph.errors import ParentCommand
from langgraph.runtime import Runtime
from langgraph.types import Command

from nodes.client_locks import unlock_clients
from nodes.resources import resources
from nodes.step import BOOTSTRAP, WINDOW, C, Step, begin_step
from nodes.window_lease import join_window
from prompts.llm.errors import ReplyError
from state.db.pool import Connection
from state.domain import KEY_LENGTH, ClientKind, clean_line
from state.errors import ConflictError, InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionOutput, InteractionState
from state.store.clients import find_clients, read_clients
from state.store.interactions import Interaction, find_interaction, write_interaction

P = ParamSpec("P")
R = TypeVar("R")


async def open_interaction(state: InteractionState, runtime: Runtime[C]) -> InteractionOutput:
    """Check the record and find out whether it was settled before.

    A record that failed before is tried again; one that was learned from returns what it returned.

    Raises:
        InputError: unknown clients, positive equal to negative, or an identity that is a step's or
            another record's.
        BudgetExceeded: the budget is spent, and this record would be begun.
    """
    identity = clean_line(state.get("interaction") or "", KEY_LENGTH) or mint_identity()
    refuse_own_steps(identity)
    step = await begin_step(identity, runtime, first=True)
    step.network.require_bootstrapped()
    async with resources().pool.connection() as conn:
        user, positive, negative = await _resolve(conn, step, state)
        settled = await find_interaction(conn, step.network.id, identity)
        _same_record(settled, user, positive, negative)
        if settled is None or settled.failure:
            resources().budget.require()
            # A thread that failed before still holds its last state.
            return {"interaction": identity, "repeated": False, "failure": "", "window": None}
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


def refuse_own_steps(identity: str) -> None:
    """Refuse an identity that names a step of the program: usage and threads go by these names.

    Raises:
        InputError: it does.
    """
    if identity == BOOTSTRAP or identity.startswith(WINDOW):
        raise InputError(f"'{identity}' names a step of RecNet's own: choose another identity")


def mint_identity() -> str:
    """Return a fresh identity for a live record that came without one."""
    return f"live:{uuid4()}"


async def is_settled(state: InteractionState) -> Literal["forward", "__end__"]:
    """Route a record that was settled before to the end: it costs nothing again."""
    return "__end__" if state.get("repeated") else "forward"


def fails_record(node: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a node of `forward` or `backward` end its record where a reply stayed bad, or where
    others changed its clients again and again.

    The subgraph is left at once, with the reason as the record's `failure`. Any other error is no
    property of the record: it stops the run, which can be resumed. (A node's `error_handler` would
    end the run on those too.)
    """

    @wraps(node)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await node(*args, **kwargs)
        except (ReplyError, ConflictError) as error:
            leave: Command[str] = Command(graph=Command.PARENT, update={"failure": str(error)})
            raise ParentCommand(leave) from error

    return guarded


# A subgraph that is left by a command has its route called without an event loop's help: these are
# no coroutines, as the others are, which LangGraph would hand to a thread otherwise.
def was_predicted(state: InteractionState) -> Literal["backward", "record_failure"]:
    """Route a record whose prediction failed to where the reason is stored."""
    return "record_failure" if state["failure"] else "backward"


def was_committed(
    state: InteractionState,
) -> Literal["router_update", "record_failure", "__end__"]:
    """Route a record that failed to where the reason is stored, else as its commit claimed."""
    return "record_failure" if state["failure"] else reaches_update_size(state)


def reaches_update_size(state: InteractionState) -> Literal["router_update", "__end__"]:
    """Route to the router update where this commit filled the pending set and claimed it."""
    return "router_update" if state.get("window") is not None else "__end__"


async def record_failure(
    state: InteractionState, runtime: Runtime[NetworkContext]
) -> InteractionOutput:
    """Store why a record failed when a reply stayed bad; its clients keep their place."""
    step = await begin_step(state["interaction"], runtime)
    async with step.commit() as conn:
        user, positive, negative = await _resolve(conn, step, state)
        failed = Interaction(
            id=state["interaction"], user_id=user, positive_id=positive, negative_id=negative,
            predicted_id=None, reward=None, reason="", failure=state["failure"],
        )  # fmt: skip
        before = await find_interaction(conn, step.network.id, failed.id)
        await write_interaction(conn, step.network.id, failed)
        # One that failed again, or was stopped right after this commit, has had its place already.
        clients = (user, positive, negative) if before is None else ()
        window = await join_window(conn, step, clients)
    await unlock_clients(step)
    return {"window": window}


async def _resolve(conn: Connection, step: Step, state: InteractionState) -> tuple[int, int, int]:
    users = await find_clients(conn, step.network.id, ClientKind.USER, [state["user"]])
    keys = [state["positive"], state["negative"]]
    items = await find_clients(conn, step.network.id, ClientKind.ITEM, keys)
    if items[keys[0]] == items[keys[1]]:
        raise InputError(f"item '{keys[0]}' cannot be both the positive and the negative")
    return users[state["user"]], items[keys[0]], items[keys[1]]


def _same_record(settled: Interaction | None, user: int, positive: int, negative: int) -> None:
    if settled is None:
        return
    if (settled.user_id, settled.positive_id, settled.negative_id) != (user, positive, negative):
        raise InputError(
            f"interaction '{settled.id}' was another record: give this one an identity of its own"
        )
