"""One record as `backward` meets it: after its clients were read and their messages merged."""

from langgraph.types import Send

from nodes.predict import load_clients
from nodes.resources import Resources
from state.domain import Client, FilterDecision, Reception
from state.graphs.interaction import BackwardState, ForwardState
from state.store.clients import read_clients
from tests.support.tiny_network import runtime


async def after_forward(
    interaction: str = "i:1",
    *,
    user: str = "ann",
    positive: str = "j2",
    negative: str = "m1",
    reward: int = 0,
    merged: str = " Heard of more.",
) -> BackwardState:
    """Return the state after `forward`: every message taken in, `merged` added to its profile."""
    record = ForwardState(interaction=interaction, user=user, positive=positive, negative=negative)
    clients = (await load_clients(record, runtime()))["clients"]
    return BackwardState(
        interaction=interaction,
        clients=clients,
        receptions=[_received(client, merged) for client in clients],
        predicted=positive if reward else negative,
        reward=reward,
        reason="It seemed so.",
        gradients=[],
        rounds=0,
        committed=False,
    )


def _received(client: Client, merged: str) -> Reception:
    filter_decisions = tuple(
        FilterDecision(message=m.id, sender=m.sender, version=m.version, accepted=True)
        for m in sorted(client.messages, key=lambda m: m.id)
    )
    profile = client.profile + merged if client.messages else client.profile
    return Reception(client=client.id, profile=profile, filter_decisions=filter_decisions)


def sends_of(fanned: list[Send] | str) -> list[Send]:
    """Return what was fanned out, where it was fanned out."""
    assert isinstance(fanned, list), f"went on to {fanned}"
    return fanned


async def read_client(resources: Resources, network: int, client: int) -> Client:
    """Return a client as it is stored now."""
    async with resources.pool.connection() as conn:
        (found,) = await read_clients(conn, network, [client])
    return found
