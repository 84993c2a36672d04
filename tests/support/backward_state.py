"""One record as `backward` meets it: after its clients were read and their messages merged."""

from langgraph.types import Send

from nodes.forward import load_clients
from nodes.optimize_clients import current_text
from nodes.resources import Resources
from state.domain import (
    Client,
    FilterDecision,
    Gradient,
    GradientStatus,
    Module,
    ModuleKind,
    Reception,
)
from state.graphs.interaction import BackwardState, ForwardState, Rewrite
from state.store.clients import point_profile, read_clients
from state.store.versions import append_version
from tests.support.tiny_network import runtime

USER = Module(kind=ModuleKind.USER_PROFILE, owner=1)
ITEM = Module(kind=ModuleKind.ITEM_PROFILE, owner=8)
MEMORY = Module(kind=ModuleKind.FILTER_MEMORY, owner=1)
ROUTER = Module(kind=ModuleKind.ROUTER, owner=1)


def gradient(
    module: Module, status: GradientStatus = "pending", interaction: str = "i:1"
) -> Gradient:
    """Return the gradient of a module that took part in the record."""
    return Gradient(
        interaction=interaction,
        module=module,
        version=1,
        reward=0,
        suggestion="" if status == "not involved" else "Say bebop.",
        status=status,
        rejected_because="not there" if status == "rejected" else "",
    )


def rewrite(state: BackwardState, module: Module, after: str) -> Rewrite:
    """Return a rewrite of the text that the module has in `state`."""
    return Rewrite(module=module, before=current_text(state, module), after=after)


async def after_forward(
    interaction: str = "i:1",
    *,
    user: str = "ann",
    positive: str = "j2",
    negative: str = "m1",
    reward: int = 0,
    merged: str = " Heard of more.",
) -> BackwardState:
    """Return the state after `forward`: all messages accepted, `merged` added to the profiles."""
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


async def move_profile(resources: Resources, network: int, client: int, text: str) -> None:
    """Do what the commit of another interaction did meanwhile."""
    now = await read_client(resources, network, client)
    (vector,) = await resources.encoder.embed([text])
    module, version = now.profile_module, now.profile_version + 1
    async with resources.pool.connection() as conn:
        await append_version(conn, network, module, version, text, "gradient", interaction="i:0")
        await point_profile(conn, network, client, version, vector)
