"""Open an interaction, route it, and record why it failed; no model is called."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeVar
from uuid import uuid4

from langgraph.errors import ParentCommand
from langgraph.runtime import Runtime
from langgraph.types import Command

from nodes.client_locks import unlock_clients
from nodes.forward import find_record
from nodes.step import BOOTSTRAP, WINDOW, C, begin_step
from nodes.window_lease import join_window
from prompts.llm.errors import ReplyError
from state.domain import KEY_LENGTH, clean_line
from state.errors import ConflictError, InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionOutput, InteractionState
from state.store.clients import read_clients
from state.store.interactions import Interaction, find_interaction, write_interaction

P = ParamSpec("P")
R = TypeVar("R")


async def open_interaction(state: InteractionState, runtime: Runtime[C]) -> InteractionOutput:
    """Check the record, and return the committed result where it was learned from before.

    A record that failed before is run again.

    Raises:
        InputError: unknown clients, positive equal to negative, or an id that is a step's or
            another record's.
        BudgetExceeded: the budget is spent, and this record would be begun.
    """
    identity = clean_line(state.get("interaction") or "", KEY_LENGTH) or new_id()
    refuse_reserved_id(identity)
    step = await begin_step(identity, runtime, first=True)
    step.network.require_bootstrapped()
    async with step.connection() as conn:
        ids = await find_record(conn, step.network.id, state)
        settled = await find_interaction(conn, step.network.id, identity)
        if settled and (settled.user_id, settled.positive_id, settled.negative_id) != ids:
            raise InputError(
                f"interaction '{settled.id}' was another record: give this one an id of its own"
            )
        if settled is None or settled.failure:
            step.resources.budget.require()
            # A thread that failed before still holds its last state.
            return {"interaction": identity, "repeated": False, "failure": "", "window": None}
        (predicted,) = await read_clients(conn, step.network.id, [settled.predicted_id or ids[1]])
    return {
        "interaction": identity,
        "repeated": True,
        "predicted": predicted.key,
        "reward": settled.reward or 0,
        "reason": settled.reason,
        "failure": "",
        "window": None,
    }


def refuse_reserved_id(identity: str) -> None:
    """Raise InputError for the name of a step of RecNet itself, by which usage is counted."""
    if identity == BOOTSTRAP or identity.startswith(WINDOW):
        raise InputError(f"'{identity}' names a step of RecNet's own: choose another id")


def new_id() -> str:
    """Return a fresh id for a live record that came without one."""
    return f"live:{uuid4()}"


async def route_after_open(state: InteractionState) -> Literal["forward", "__end__"]:
    """Route a record that was learned from before to the end: it costs nothing again."""
    return "__end__" if state.get("repeated") else "forward"


def fails_record(node: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a node of `forward` or `backward` fail its record instead of the run.

    A record fails where a reply stayed bad, or where others changed its clients too often. The
    subgraph is left at once, with the reason as the record's `failure`. Any other error stops the
    run, which can be resumed. (A node's `error_handler` would end the run on those too.)
    """

    @wraps(node)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await node(*args, **kwargs)
        except (ReplyError, ConflictError) as error:
            leave: Command[str] = Command(graph=Command.PARENT, update={"failure": str(error)})
            raise ParentCommand(leave) from error

    return guarded


# LangGraph calls the route after a subgraph that was left by a command synchronously, so the next
# three are no coroutines.
def route_after_forward(state: InteractionState) -> Literal["backward", "record_failure"]:
    """Route a record that failed in `forward` to `record_failure`."""
    return "record_failure" if state["failure"] else "backward"


def route_after_backward(
    state: InteractionState,
) -> Literal["router_update", "record_failure", "__end__"]:
    """Route a record that failed in `backward` to `record_failure`, else by its window."""
    return "record_failure" if state["failure"] else route_after_failure(state)


def route_after_failure(state: InteractionState) -> Literal["router_update", "__end__"]:
    """Route to the router update where this commit filled the pending set and claimed it."""
    return "router_update" if state.get("window") is not None else "__end__"


async def record_failure(
    state: InteractionState, runtime: Runtime[NetworkContext]
) -> InteractionOutput:
    """Store why a record failed; its clients join the pending set all the same.

    So a training run that plans its windows ahead has the same windows, whichever records fail.
    """
    step = await begin_step(state["interaction"], runtime)
    async with step.commit() as conn:
        user, positive, negative = await find_record(conn, step.network.id, state)
        failed = Interaction(
            id=state["interaction"], user_id=user, positive_id=positive, negative_id=negative,
            predicted_id=None, reward=None, reason="", failure=state["failure"],
        )  # fmt: skip
        before = await find_interaction(conn, step.network.id, failed.id)
        await write_interaction(conn, step.network.id, failed)
        # Where it failed before, its clients have joined the pending set already.
        clients = (user, positive, negative) if before is None else ()
        window = await join_window(conn, step, clients)
    await unlock_clients(step)
    return {"window": window}
