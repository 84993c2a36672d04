"""Merging on delivery: what the commit takes from it, and who is left as it is."""

import pytest

from nodes.attributes import assign_attributes
from nodes.client_locks import lock_clients, stale_clients
from nodes.commit_router_update import (
    commit_router_update,
    dry_run_delivery,
    fan_out_deliveries,
    merge_on_delivery,
)
from nodes.resources import Resources
from nodes.step import Step
from prompts.merge import Merge, MessageDecision
from state.domain import Module, ModuleKind
from state.graphs.router_update import ExtractedAttributes, RouterUpdateState, Summary
from state.store.clients import point_filter
from state.store.digest import digest_network
from state.store.interactions import attach_filter_decisions, write_interaction
from state.store.networks import find_network
from state.store.versions import append_version, pin_module
from state.store.windows import add_pending, claim_window
from tests.support.backward_state import after_forward, read_client
from tests.support.network_changes import settled_record
from tests.support.scripted_model import replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, push, runtime

EVE = 5


async def merged(resources: Resources) -> tuple[int, RouterUpdateState]:
    """Return a network and its update before the commit: eve and others have merged."""
    network_settings = NETWORK_SETTINGS.model_copy(update={"reception": "delivery"})
    network = (await plant_tiny(resources, network_settings=network_settings, tau=-1.0)).id
    extracted = [ExtractedAttributes(client=c, attributes=("harbour fiddle",)) for c in (1, 2)]
    extracted.append(ExtractedAttributes(client=7, attributes=("sea fiddle",)))
    async with resources.pool.connection() as conn:
        await add_pending(conn, network, [1, 2, 7])
        assert await claim_window(conn, network, 1) == 1
        before = await digest_network(conn, network)
    state: RouterUpdateState = {
        "window": 1, "extracted": extracted, "restructured": [], "pending_gradients": [],
        "summaries": [Summary(router=3, profile="Lately fiddle.")],
    }  # fmt: skip
    state |= await assign_attributes(state, runtime())
    state |= await dry_run_delivery(state, runtime())
    async with resources.pool.connection() as conn:
        assert await digest_network(conn, network) == before
    sends = await fan_out_deliveries(state)
    assert [send.arg["client"].id for send in sends] == [c.id for c in state["recipients_to_merge"]]
    reply = Merge(
        profile="Heard of the fiddle.",
        filter_decisions=[
            MessageDecision(message="message 1", accepted=True, rule="", reason="so")
        ],
    )
    with replying(resources, reply):
        updates = [await merge_on_delivery(send.arg, runtime()) for send in sends]
    state["merged"] = [reception for update in updates for reception in update["merged"]]
    return network, state


async def test_the_dry_run_finds_the_recipients_of_the_commit(resources: Resources) -> None:
    network, state = await merged(resources)
    recipients = [client.id for client in state["recipients_to_merge"]]
    assert await commit_router_update(state, runtime()) == {"recipients": len(recipients)}
    assert EVE in recipients
    for client in recipients:
        now = await read_client(resources, network, client)
        assert (now.profile, now.profile_version) == ("Heard of the fiddle.", 2)
        assert [m.body for m in now.merged_on_delivery] == ["Lately fiddle."]
        assert now.messages == ()


@pytest.mark.slow
async def test_a_client_that_moved_on_keeps_its_message(resources: Resources) -> None:
    network, state = await merged(resources)
    async with resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.FILTER_MEMORY, owner=EVE)
        await append_version(conn, network, module, 2, "Only polka.", "edit")
        await point_filter(conn, network, EVE, 2)
    await commit_router_update(state, runtime())
    now = await read_client(resources, network, EVE)
    assert ([m.body for m in now.messages], now.merged_on_delivery) == (["Lately fiddle."], ())
    assert now.profile_version == 1
    other = next(client.id for client in state["recipients_to_merge"] if client.id != EVE)
    assert (await read_client(resources, network, other)).messages == ()


async def test_messages_merged_on_delivery_belong_to_one_interaction(
    resources: Resources,
) -> None:
    network, state = await merged(resources)
    await commit_router_update(state, runtime())
    record = await after_forward("i:2", user="eve", positive="f2", negative="m1")
    eve, *others = record["clients"]
    record["receptions"][0] = record["receptions"][0].model_copy(
        update={"filter_decisions": eve.filter_decisions}
    )
    async with resources.pool.connection() as conn:
        step = Step(await find_network(conn, "tiny"), "i:2", resources)
        assert await stale_clients(conn, step, record) == set()
        await write_interaction(conn, network, settled_record("i:1"))
        await attach_filter_decisions(
            conn, network, "i:1", eve.id, [v.message for v in eve.filter_decisions]
        )
        assert await stale_clients(conn, step, record) == {eve.id}
    later = await lock_clients(record, runtime())
    assert later["receptions"][0].filter_decisions == later["clients"][0].filter_decisions == ()
    assert later["clients"][1:] == others


async def test_a_newer_profile_does_not_lose_what_was_merged_before(resources: Resources) -> None:
    network, state = await merged(resources)
    await commit_router_update(state, runtime())
    await push(resources, network, 1, EVE)
    record = await after_forward("i:2", user="eve", positive="f2", negative="m1")
    eve = record["clients"][0]
    received = record["receptions"][0]
    both = (*eve.filter_decisions, *received.filter_decisions)
    record["receptions"][0] = received.model_copy(update={"filter_decisions": both})
    async with resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.FILTER_MEMORY, owner=EVE)
        await append_version(conn, network, module, 2, "Only polka.", "edit")
        await point_filter(conn, network, EVE, 2)
    later = await lock_clients(record, runtime())
    # The message in the buffer stays there; what had been merged is taken up all the same.
    assert (
        later["receptions"][0].filter_decisions
        == later["clients"][0].filter_decisions
        == eve.filter_decisions
        != ()
    )
    assert later["clients"][0].rules == ("Only polka.",)


async def test_a_pinned_profile_is_left_out(resources: Resources) -> None:
    network, state = await merged(resources)
    async with resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.USER_PROFILE, owner=EVE)
        await pin_module(conn, network, module, pinned=True)
    again = await dry_run_delivery(state, runtime())
    assert EVE not in [client.id for client in again["recipients_to_merge"]]
