"""Messages from client to client without routers: the compared propagation methods of §3.4.4.

Embedding matching (EM) finds the clients nearest to each changed client. A model may choose among
them (LR), and may write what they are sent instead of the whole profile (LS).
"""

import logging
from collections.abc import Sequence
from typing import TypeVar

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.propagation import PROPAGATION_METHODS, newest_messages, route_to_commit
from nodes.step import Step, begin_step, window_step
from prompts.llm.errors import ReplyError
from prompts.llm.tokens import READABLE, fit_fields
from prompts.peer_messages import (
    ADDRESS_CLIENTS,
    CHOOSE_RECIPIENTS,
    WRITE_MESSAGE,
    AddressClients,
    Candidate,
    ChooseRecipients,
    ChooseRecipientsFields,
    WriteMessageFields,
)
from prompts.template import Fields, Prompt
from state.domain import Client
from state.graphs.context import NetworkContext
from state.graphs.router_update import PeerMessage, PeerTask, RouterUpdateState
from state.randomness import draw
from state.store.clients import read_clients
from state.store.routing import nearest_clients
from state.store.versions import read_version

_log = logging.getLogger(__name__)

F = TypeVar("F", bound=Fields)

REACH = 3
"""A model chooses among this many times as many clients as it may choose."""
_INSTRUCTIONS = 4_000
"""Characters of the template, the reply's schema and the reply."""


async def match_clients(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Find the clients nearest to each client of the window, by the cosine of their profiles."""
    step = await begin_step(window_step(state["window"]), runtime)
    network, settings = step.network.id, step.network.settings
    chooser = PROPAGATION_METHODS[settings.propagation].chooser
    async with step.connection() as conn:
        clients = await read_clients(conn, network, state["members"])
        most = settings.neighbours * (REACH if chooser else 1)
        near = await nearest_clients(conn, network, state["members"], most)
    matches = [
        PeerMessage(sender=c.profile_module, version=c.profile_version, recipients=near[c.id])
        for c in clients
        if c.id in near
    ]
    return {"peer_messages": matches}


async def fan_out_matches(state: RouterUpdateState) -> list[Send]:
    """Send each match to the node in which a model chooses; without one go on to the commit."""
    chooser = PROPAGATION_METHODS[state["propagation"]].chooser
    return await _fan_out(state, chooser, newest_messages(state))


async def gather_choices(
    state: RouterUpdateState,  # noqa: ARG001 - the signature of a node
    runtime: Runtime[NetworkContext],  # noqa: ARG001
) -> RouterUpdateState:
    """Wait until the recipients of all messages are chosen."""
    return {}


async def fan_out_choices(state: RouterUpdateState) -> list[Send]:
    """Send each message with recipients to the model that writes it, where one does."""
    writes = PROPAGATION_METHODS[state["propagation"]].writes
    chosen = [message for message in newest_messages(state) if message.recipients]
    return await _fan_out(state, "write_message" if writes else None, chosen)


async def _fan_out(
    state: RouterUpdateState, node: str | None, messages: Sequence[PeerMessage]
) -> list[Send]:
    step = window_step(state["window"])
    tasks = [Send(node, PeerTask(step=step, message=m)) for m in messages if node is not None]
    return tasks or [Send(await route_to_commit(state), state)]


async def choose_recipients(state: PeerTask, runtime: Runtime[NetworkContext]) -> RouterUpdateState:
    """Ask which clients a changed profile concerns (LR); it is sent to them as it is."""
    return await _choose(state, runtime, CHOOSE_RECIPIENTS)


async def address_clients(state: PeerTask, runtime: Runtime[NetworkContext]) -> RouterUpdateState:
    """Ask in one call which clients a changed profile concerns, and what to send them."""
    return await _choose(state, runtime, ADDRESS_CLIENTS)


async def write_message(state: PeerTask, runtime: Runtime[NetworkContext]) -> RouterUpdateState:
    """Ask what of a changed profile is worth sending to the chosen recipients (LS)."""
    step, message = await begin_step(state["step"], runtime), state["message"]
    sender, named = await _read_clients(step, message)
    fields = WriteMessageFields(
        kind=sender.kind, profile=sender.profile, recipients=_candidates(named)
    )
    try:
        reply = await step.ask(WRITE_MESSAGE, shorten_candidates(fields))
    except ReplyError as error:
        return _send_nothing(step, message, error)
    return {"peer_messages": [message.model_copy(update={"body": reply.message})]}


async def _choose(
    state: PeerTask,
    runtime: Runtime[NetworkContext],
    prompt: Prompt[ChooseRecipientsFields, ChooseRecipients | AddressClients],
) -> RouterUpdateState:
    step, message = await begin_step(state["step"], runtime), state["message"]
    sender, named = await _read_clients(step, message)
    most = step.network.settings.neighbours
    fields = prompt.fields(
        kind=sender.kind, profile=sender.profile, candidates=_candidates(named), most=most
    )

    def check(reply: ChooseRecipients | AddressClients) -> None:
        names = dict.fromkeys(reply.recipients)
        if unknown := [name for name in names if name not in named]:
            raise ValueError(f"unknown client '{unknown[0]}'; known: {', '.join(named)}")
        if len(names) > most:
            raise ValueError(f"at most {most} clients may be chosen, not {len(names)}")
        if isinstance(reply, AddressClients) and names and not reply.message:
            raise ValueError("say what the recipients are to be told, or name none")

    try:
        reply = await step.ask(prompt, shorten_candidates(fields), check)
    except ReplyError as error:
        return _send_nothing(step, message, error)
    chosen = {named[name].id for name in reply.recipients}
    recipients = tuple(near for near in message.recipients if near.client in chosen)
    body = reply.message or None if isinstance(reply, AddressClients) else None
    return {"peer_messages": [message.model_copy(update={"recipients": recipients, "body": body})]}


def shorten_candidates(fields: F) -> F:
    """Return the fields so that a small model can read them all: the longest texts are cut."""
    return fit_fields(fields, READABLE - _INSTRUCTIONS)


async def _read_clients(step: Step, message: PeerMessage) -> tuple[Client, dict[str, Client]]:
    """Return the sender as it was matched, and the others by name, in an order drawn by seed."""
    ids = [message.sender.owner, *(near.client for near in message.recipients)]
    async with step.connection() as conn:
        sender, *others = await read_clients(conn, step.network.id, ids)
        matched = await read_version(conn, step.network.id, message.sender, message.version)
    if matched is not None:
        sender = sender.model_copy(update={"profile": matched.content})
    others.sort(key=lambda client: client.id)
    draw(step.network.settings.seed, step.name, sender.id, "candidates").shuffle(others)
    return sender, {f"client {n}": client for n, client in enumerate(others, start=1)}


def _candidates(named: dict[str, Client]) -> tuple[Candidate, ...]:
    return tuple(Candidate(name=n, kind=c.kind, profile=c.profile) for n, c in named.items())


def _send_nothing(step: Step, message: PeerMessage, error: ReplyError) -> RouterUpdateState:
    """Send nothing from this client: one bad reply must not stop the network."""
    _log.warning("%s: client %d sends no message: %s", step.name, message.sender.owner, error)
    return {"peer_messages": [message.model_copy(update={"recipients": ()})]}
