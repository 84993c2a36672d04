"""Telling: clients that changed speak for themselves, without routers (DESIGN §5, decision 12).

Embedding matching finds the clients nearest to each; then a model may choose among them, and may
write what they are told instead of the whole profile.
"""

import logging
from typing import Literal, TypeVar

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.gather_gradients import route_to_commit
from nodes.resources import resources
from nodes.step import Step, begin_step, window_step
from prompts.address_clients import ADDRESS_CLIENTS, AddressClients, AddressClientsFields
from prompts.choose_recipients import (
    CHOOSE_RECIPIENTS,
    Candidate,
    ChooseRecipients,
    ChooseRecipientsFields,
)
from prompts.llm.errors import ReplyError
from prompts.llm.tokens import READABLE, fit_fields
from prompts.template import Fields
from prompts.write_message import WRITE_MESSAGE, WriteMessageFields
from state.domain import Client, Module, ModuleKind
from state.graphs.context import NetworkContext
from state.graphs.router_update import ChooseTask, PeerChoice, PeerMatch, RouterUpdateState
from state.randomness import draw
from state.settings import Propagation
from state.store.clients import read_clients
from state.store.routing import nearest_clients
from state.store.versions import read_version

_log = logging.getLogger(__name__)

F = TypeVar("F", bound=Fields)
C = TypeVar("C", bound=ChooseRecipientsFields)

REACH = 3
"""How many times as many clients a model may choose among as it may choose."""
_INSTRUCTIONS = 4_000
"""Characters of the template, the reply's schema and the reply."""
_ASKED: dict[Propagation, Literal["choose_recipients", "address_clients"]] = {
    "em+lr": "choose_recipients",
    "em+lr+ls": "choose_recipients",
    "clients": "address_clients",
}
"""The node whose model chooses; by embedding matching alone nobody is asked."""


async def match_clients(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Find the clients nearest to each client of the window, by the cosine of their profiles."""
    step = await begin_step(window_step(state["window"]), runtime)
    network, network_settings = step.network.id, step.network.settings
    count = network_settings.nearest * (REACH if network_settings.propagation in _ASKED else 1)
    async with resources().pool.connection() as conn:
        clients = await read_clients(conn, network, state["members"])
        near = await nearest_clients(conn, network, state["members"], count)
    return {
        "matches": [
            PeerMatch(
                sender=Module(kind=ModuleKind.profile_of(client.kind), owner=client.id),
                version=client.profile_version,
                near=near[client.id],
            )
            for client in clients
            if client.id in near
        ]
    }


async def fan_out_matches(state: RouterUpdateState) -> list[Send]:
    """Send each match to the model that chooses; with none to choose go on to the commit."""
    asked = _ASKED.get(state["propagation"])
    return [
        Send(asked, ChooseTask(step=window_step(state["window"]), match=match))
        for match in state.get("matches", [])
        if asked
    ] or [Send(await route_to_commit(state), state)]


async def choose_recipients(
    state: ChooseTask, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Ask whom a changed profile concerns; it is sent to them as it is."""
    step, match = await begin_step(state["step"], runtime), state["match"]
    fields, named = await _offer(ChooseRecipientsFields, step, match)

    def check(reply: ChooseRecipients) -> None:
        _check_names(reply.recipients, named, fields.most)

    try:
        reply = await step.ask(CHOOSE_RECIPIENTS, fields, check)
    except ReplyError as error:
        return _silent(step, match, error)
    return {"choices": [PeerChoice(sender=match.sender, recipients=_ids(reply.recipients, named))]}


async def address_clients(state: ChooseTask, runtime: Runtime[NetworkContext]) -> RouterUpdateState:
    """Ask in one call what of a changed profile to tell, and whom."""
    step, match = await begin_step(state["step"], runtime), state["match"]
    fields, named = await _offer(AddressClientsFields, step, match)

    def check(reply: AddressClients) -> None:
        _check_names(reply.recipients, named, fields.most)
        if reply.recipients and not reply.message:
            raise ValueError("say what the recipients are to be told, or name none")

    try:
        reply = await step.ask(ADDRESS_CLIENTS, fields, check)
    except ReplyError as error:
        return _silent(step, match, error)
    recipients = _ids(reply.recipients, named)
    choice = PeerChoice(sender=match.sender, recipients=recipients, body=reply.message or None)
    return {"choices": [choice]}


async def gather_choices(
    state: RouterUpdateState,  # noqa: ARG001 - every node is told
    runtime: Runtime[NetworkContext],  # noqa: ARG001
) -> RouterUpdateState:
    """Wait until all have chosen."""
    return {}


async def fan_out_choices(state: RouterUpdateState) -> list[Send]:
    """Send each client that tells somebody to the writing of its message, where a model writes."""
    if state["propagation"] != "em+lr+ls":
        return [Send(await route_to_commit(state), state)]
    chosen = {choice.sender: choice.recipients for choice in state.get("choices", [])}
    step = window_step(state["window"])
    return [
        Send("write_message", ChooseTask(step=step, match=match.model_copy(update={"near": told})))
        for match in state.get("matches", [])
        if (told := tuple(n for n in match.near if n.client in chosen.get(match.sender, ())))
    ] or [Send(await route_to_commit(state), state)]


async def write_message(state: ChooseTask, runtime: Runtime[NetworkContext]) -> RouterUpdateState:
    """Ask what of a changed profile is worth telling those that were chosen."""
    step, match = await begin_step(state["step"], runtime), state["match"]
    sender, named = await _read_match(step, match)
    fields = WriteMessageFields(
        kind=sender.kind, profile=sender.profile, recipients=_candidates(named)
    )
    try:
        reply = await step.ask(WRITE_MESSAGE, shorten_candidates(fields))
    except ReplyError as error:
        return _silent(step, match, error)
    recipients = tuple(near.client for near in match.near)
    return {"choices": [PeerChoice(sender=match.sender, recipients=recipients, body=reply.message)]}


def shorten_candidates(fields: F) -> F:
    """Return the fields so that a small model can read them all: the longest texts are cut."""
    return fit_fields(fields, READABLE - _INSTRUCTIONS)


async def _offer(form: type[C], step: Step, match: PeerMatch) -> tuple[C, dict[str, Client]]:
    """Return what a choice is asked with, and those that may be chosen by name."""
    sender, named = await _read_match(step, match)
    fields = form(
        kind=sender.kind,
        profile=sender.profile,
        candidates=_candidates(named),
        most=step.network.settings.nearest,
    )
    return shorten_candidates(fields), named


async def _read_match(step: Step, match: PeerMatch) -> tuple[Client, dict[str, Client]]:
    """Return the sender as it was matched, and those near to it by name, in an order by seed."""
    ids = [match.sender.owner, *(near.client for near in match.near)]
    async with resources().pool.connection() as conn:
        sender, *others = await read_clients(conn, step.network.id, ids)
        said = await read_version(conn, step.network.id, match.sender, match.version)
    if said is not None:
        sender = sender.model_copy(update={"profile": said.content})
    others.sort(key=lambda client: client.id)
    draw(step.network.settings.seed, step.name, sender.id, "candidates").shuffle(others)
    return sender, {f"client {n}": client for n, client in enumerate(others, start=1)}


def _candidates(named: dict[str, Client]) -> tuple[Candidate, ...]:
    return tuple(Candidate(name=n, kind=c.kind, profile=c.profile) for n, c in named.items())


def _ids(names: list[str], named: dict[str, Client]) -> tuple[int, ...]:
    """Return the clients of names, each once, in the order named."""
    return tuple(named[name].id for name in dict.fromkeys(names))


def _check_names(names: list[str], named: dict[str, Client], most: int) -> None:
    """Refuse names that were not given, and more than may be chosen.

    Raises:
        ValueError: says what is wrong.
    """
    if unknown := [name for name in names if name not in named]:
        raise ValueError(f"unknown client '{unknown[0]}'; known: {', '.join(named)}")
    if len(set(names)) > most:
        raise ValueError(f"at most {most} clients may be chosen, not {len(set(names))}")


def _silent(step: Step, match: PeerMatch, error: ReplyError) -> RouterUpdateState:
    """Let a client tell nobody: one bad reply must not stop the network."""
    _log.warning("%s: client %d tells nobody: %s", step.name, match.sender.owner, error)
    return {"choices": [PeerChoice(sender=match.sender, recipients=())]}
