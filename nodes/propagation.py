"""Propagation methods: how the messages of a router update reach clients (§2.2.3, §3.4.4).

To add a method, write a class with the members of `PropagationMethod`, enter it into
`PROPAGATION_METHODS` under a name, and add that name to `state.settings.Propagation`. A network is
bootstrapped with it by the setting `propagation`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nodes.step import Step
from state.db.pool import Connection
from state.domain import ClientKind, Frozen, Module
from state.graphs.router_update import AssignedAttributes, Neighbour, PeerMessage, RouterUpdateState
from state.randomness import draw
from state.settings import Propagation
from state.store.buffers import NewMessage
from state.store.clients import list_clients
from state.store.routing import Delivery, score_clients


class Outgoing(Frozen):
    """A message of this update, with what decides who gets it."""

    message: NewMessage
    echo: int | None = None
    """The one client from which all of a router's new attributes came, if there is one."""
    recipients: tuple[Neighbour, ...] = ()
    """The recipients of a client's own message; those of a router's are found by Eq. 4."""


Chooser = Literal["choose_recipients", "address_clients"] | None


class PropagationMethod(Protocol):
    """Decides who sends messages, and who gets them."""

    uses_routers: bool = True
    """Whether routers learn and send; else changed clients send to the clients near to them."""
    chooser: Chooser = None
    """The node in which a model chooses the recipients of a changed client, where one does."""
    writes: bool = False
    """Whether a model then writes the message for those recipients."""

    async def deliver(
        self, conn: Connection, step: Step, window: int, outgoing: Sequence[Outgoing], /
    ) -> list[Delivery]:
        """Return the deliveries of a window's messages.

        Runs inside the commit, after messages, routers and attributes are written; reads only.
        """
        ...


class Routers(PropagationMethod):
    """RecNet: a router's message goes to the clients that Eq. 4 selects."""

    async def deliver(
        self, conn: Connection, step: Step, window: int, outgoing: Sequence[Outgoing], /
    ) -> list[Delivery]:
        """Deliver by Eq. 4; a client is not sent back what only it had said (echo)."""
        deliveries = await score_clients(conn, step.network, window)
        if step.network.settings.echo:
            return deliveries
        echoes = {(one.message.id, one.echo) for one in outgoing}
        return [d for d in deliveries if (d.message, d.client) not in echoes]


class NoPropagation(Routers):
    """Nothing is sent: clients learn from their own interactions only."""

    async def deliver(self, *_: object) -> list[Delivery]:
        """Deliver nothing."""
        return []


class Placebo(Routers):
    """A control: the routers' messages go to clients drawn at random."""

    async def deliver(
        self, conn: Connection, step: Step, window: int, outgoing: Sequence[Outgoing], /
    ) -> list[Delivery]:
        """Permute the recipients among all clients of their kind: as many get as many messages."""
        deliveries = await super().deliver(conn, step, window, outgoing)
        swap: dict[int, int] = {}
        for kind in ClientKind:
            ids = [client.id for client in await list_clients(conn, step.network.id, kind)]
            drawn = ids.copy()
            draw(step.network.settings.seed, window, "placebo", kind).shuffle(drawn)
            swap.update(zip(ids, drawn, strict=True))
        return [d.model_copy(update={"client": swap[d.client]}) for d in deliveries]


@dataclass
class PeerToPeer:
    """No routers: a changed client sends to the clients nearest by embedding matching (EM).

    A model may choose among them (LR) and write what is sent (LS); see `nodes.peer_messages`.
    """

    chooser: Chooser = None
    writes: bool = False
    uses_routers: bool = False

    async def deliver(
        self, _conn: Connection, _step: Step, _window: int, outgoing: Sequence[Outgoing], /
    ) -> list[Delivery]:
        """Deliver each client's message to the recipients that were chosen for it."""
        return [
            Delivery(client=near.client, kind=near.kind, message=one.message.id, cosine=near.cosine)
            for one in outgoing
            for near in one.recipients
        ]


PROPAGATION_METHODS: Mapping[Propagation, PropagationMethod] = {
    "routers": Routers(),
    "none": NoPropagation(),
    "placebo": Placebo(),
    "em": PeerToPeer(),
    "em+lr": PeerToPeer("choose_recipients"),
    "em+lr+ls": PeerToPeer("choose_recipients", writes=True),
    "clients": PeerToPeer("address_clients"),
}


async def route_to_commit(
    state: RouterUpdateState,
) -> Literal["dry_run_delivery", "commit_router_update"]:
    """Route to the commit, or to its dry run where messages are merged on delivery."""
    return "dry_run_delivery" if state.get("reception") == "delivery" else "commit_router_update"


def outgoing_messages(
    first: int, state: RouterUpdateState, versions: Mapping[int, int], ids: Mapping[str, int]
) -> list[Outgoing]:
    """Return the messages of routers and of clients in an update, numbered from `first` on.

    The versions are those of the routers after this update; `ids` are of attributes, by phrase.
    """
    outgoing: list[Outgoing] = []
    for assigned in sorted(state.get("assigned", []), key=lambda assigned: assigned.router):
        message = NewMessage(
            id=first + len(outgoing),
            sender=Module.router(assigned.router),
            version=versions[assigned.router],
            attributes=tuple(ids[phrase] for phrase in assigned.attributes),
        )
        outgoing.append(Outgoing(message=message, echo=echo_of(assigned)))
    for peer in sorted(newest_messages(state), key=lambda peer: peer.sender.owner):
        if peer.recipients:
            message = NewMessage(
                id=first + len(outgoing), sender=peer.sender, version=peer.version, body=peer.body
            )
            outgoing.append(Outgoing(message=message, recipients=peer.recipients))
    return outgoing


def newest_messages(state: RouterUpdateState) -> list[PeerMessage]:
    """Return the newest message of each sender; after a stop nodes may have added it twice."""
    return list({peer.sender: peer for peer in state.get("peer_messages", [])}.values())


def echo_of(assigned: AssignedAttributes) -> int | None:
    """Return the one client from which all new attributes of a router came, if there is one."""
    contributors = {client for clients in assigned.contributors for client in clients}
    return contributors.pop() if len(contributors) == 1 else None
