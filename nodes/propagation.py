"""Propagation: how a router update travels to clients. One policy a file of settings names."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from nodes.step import Step
from state.domain import ClientKind
from state.graphs.router_update import Intake
from state.pool import Connection
from state.randomness import draw
from state.settings import Propagation
from state.store.clients import list_clients
from state.store.routing import Delivery, score_clients


class PropagationPolicy(Protocol):
    """Decides who is sent the messages of one window.

    Runs inside the update's commit, after messages, routers and attributes are written; it reads
    the store and writes nothing.
    """

    async def __call__(
        self, conn: Connection, step: Step, window: int, intakes: Mapping[int, Intake]
    ) -> list[Delivery]:
        """Return the deliveries; `intakes` are by message id."""
        ...


async def by_routers(
    conn: Connection, step: Step, window: int, intakes: Mapping[int, Intake]
) -> list[Delivery]:
    """Deliver by Eq. 4; a client is not sent back what only it had said (echo)."""
    deliveries = await score_clients(conn, step.network, window)
    if step.network.shape.echo:
        return deliveries
    return [d for d in deliveries if not is_echo(d.client, intakes[d.message])]


async def by_nobody(
    conn: Connection,  # noqa: ARG001
    step: Step,  # noqa: ARG001
    window: int,  # noqa: ARG001
    intakes: Mapping[int, Intake],  # noqa: ARG001
) -> list[Delivery]:
    """Deliver nothing: clients learn from their own interactions only."""
    return []


async def by_placebo(
    conn: Connection, step: Step, window: int, intakes: Mapping[int, Intake]
) -> list[Delivery]:
    """Deliver the same messages, as many to as many, to clients drawn by lot (DESIGN §8).

    All clients of a kind are permuted, so how much is sent stays the same and whom it concerns is
    lost.
    """
    deliveries = await by_routers(conn, step, window, intakes)
    swap: dict[int, int] = {}
    for kind in ClientKind:
        ids = [client.id for client in await list_clients(conn, step.network.id, kind)]
        drawn = ids.copy()
        draw(step.network.shape.seed, window, "placebo", kind).shuffle(drawn)
        swap.update(zip(ids, drawn, strict=True))
    return [d.model_copy(update={"client": swap[d.client]}) for d in deliveries]


POLICIES: dict[Propagation, PropagationPolicy] = {
    "routers": by_routers,
    "none": by_nobody,
    "placebo": by_placebo,
}


def is_echo(client: int, intake: Intake) -> bool:
    """Return whether everything a router took in came from this client, and from it alone."""
    return all(tuple(clients) == (client,) for clients in intake.contributors)


def by_message(first: int, intakes: Sequence[Intake]) -> dict[int, Intake]:
    """Number the messages of an update from `first` on, one for each router that took in."""
    return dict(enumerate(sorted(intakes, key=lambda intake: intake.router), start=first))
