"""Propagation: how a router update travels to clients. One policy a file of settings names.

Whatever speaks, a router or a client for itself, leaves an `Outgoing` message; a policy says who
hears it. What a client says, and whom it chooses, is made ready before (`nodes.peer_messages`).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from nodes.step import Step
from state.db.pool import Connection
from state.domain import ClientKind, Frozen, Module, ModuleKind
from state.graphs.router_update import Intake, Neighbour, RouterUpdateState
from state.randomness import draw
from state.settings import Propagation
from state.store.buffers import NewMessage
from state.store.clients import list_clients
from state.store.routing import Delivery, score_clients


class Outgoing(Frozen):
    """A message of this update, with what decides who hears it."""

    message: NewMessage
    echo: int | None = None
    """The client that alone had said all of it."""
    chosen: tuple[Neighbour, ...] = ()
    """Whom a client that speaks for itself tells; a router's hearers are found by Eq. 4."""


class PropagationMethod(Protocol):
    """Decides who is sent the messages of one window.

    Runs inside the update's commit, after messages, routers and attributes are written; it reads
    the store and writes nothing.
    """

    async def __call__(
        self, conn: Connection, step: Step, window: int, outgoing: Sequence[Outgoing]
    ) -> list[Delivery]:
        """Return the deliveries of the messages."""
        ...


async def by_routers(
    conn: Connection, step: Step, window: int, outgoing: Sequence[Outgoing]
) -> list[Delivery]:
    """Deliver by Eq. 4; a client is not sent back what only it had said (echo)."""
    deliveries = await score_clients(conn, step.network, window)
    if step.network.settings.echo:
        return deliveries
    echoes = {(one.message.id, one.echo) for one in outgoing}
    return [d for d in deliveries if (d.message, d.client) not in echoes]


async def by_nobody(
    conn: Connection,  # noqa: ARG001
    step: Step,  # noqa: ARG001
    window: int,  # noqa: ARG001
    outgoing: Sequence[Outgoing],  # noqa: ARG001
) -> list[Delivery]:
    """Deliver nothing: clients learn from their own interactions only."""
    return []


async def by_placebo(
    conn: Connection, step: Step, window: int, outgoing: Sequence[Outgoing]
) -> list[Delivery]:
    """Deliver the same messages, as many to as many, to clients drawn by lot (DESIGN §8).

    All clients of a kind are permuted, so how much is sent stays the same and whom it concerns is
    lost.
    """
    deliveries = await by_routers(conn, step, window, outgoing)
    swap: dict[int, int] = {}
    for kind in ClientKind:
        ids = [client.id for client in await list_clients(conn, step.network.id, kind)]
        drawn = ids.copy()
        draw(step.network.settings.seed, window, "placebo", kind).shuffle(drawn)
        swap.update(zip(ids, drawn, strict=True))
    return [d.model_copy(update={"client": swap[d.client]}) for d in deliveries]


async def by_clients(
    conn: Connection,  # noqa: ARG001
    step: Step,  # noqa: ARG001
    window: int,  # noqa: ARG001
    outgoing: Sequence[Outgoing],
) -> list[Delivery]:
    """Deliver what clients say for themselves to those whom each of them chose."""
    return [
        Delivery(client=near.client, kind=near.kind, message=one.message.id, cosine=near.cosine)
        for one in outgoing
        for near in one.chosen
    ]


PROPAGATION_METHODS: dict[Propagation, PropagationMethod] = {
    "routers": by_routers,
    "none": by_nobody,
    "placebo": by_placebo,
    "em": by_clients,
    "em+lr": by_clients,
    "em+lr+ls": by_clients,
    "clients": by_clients,
}


def outgoing_messages(
    first: int, state: RouterUpdateState, versions: Mapping[int, int], ids: Mapping[str, int]
) -> list[Outgoing]:
    """Return what routers and clients say in an update, numbered from `first` on.

    Args:
        first: the first free message id.
        state: the update's.
        versions: of the routers that speak, after this update.
        ids: of attributes, by phrase.
    """
    intakes = sorted(state.get("intakes", []), key=lambda intake: intake.router)
    said = [
        Outgoing(
            message=NewMessage(
                id=number,
                sender=Module(kind=ModuleKind.ROUTER, owner=intake.router),
                version=versions[intake.router],
                attributes=tuple(ids[phrase] for phrase in intake.attributes),
            ),
            echo=echo_of(intake),
        )
        for number, intake in enumerate(intakes, start=first)
    ]
    return said + _clients_messages(first + len(said), state)


def echo_of(intake: Intake) -> int | None:
    """Return the client from which alone all came that a router took in, if there is one."""
    tellers = {client for clients in intake.contributors for client in clients}
    return tellers.pop() if len(tellers) == 1 else None


def _clients_messages(first: int, state: RouterUpdateState) -> list[Outgoing]:
    """Return what clients say that have somebody to tell, by sender."""
    choices = {choice.sender: choice for choice in state.get("choices", [])}
    heard = []
    for match in sorted(state.get("matches", []), key=lambda match: match.sender.owner):
        choice, chosen = choices.get(match.sender), match.near
        if choice is not None:
            chosen = tuple(near for near in match.near if near.client in choice.recipients)
        if chosen:
            heard.append((match, chosen, choice.body if choice else None))
    return [
        Outgoing(
            message=NewMessage(id=number, sender=match.sender, version=match.version, body=body),
            chosen=chosen,
        )
        for number, (match, chosen, body) in enumerate(heard, start=first)
    ]
