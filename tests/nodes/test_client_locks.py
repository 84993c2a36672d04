"""Locks of clients: newer texts are met before a rewrite is paid for."""

import asyncio

import pytest

from nodes.client_locks import lock_clients, route_after_commit
from nodes.commit_interaction import commit_interaction
from nodes.lifecycle import record_failure
from nodes.optimize_clients import fan_out_gradients
from nodes.resources import Resources
from state.domain import Reception
from state.graphs.interaction import BackwardState, InteractionState
from tests.support.backward_state import (
    ITEM,
    USER,
    after_forward,
    gradient,
    move_profile,
    rewrite,
    sends_of,
)
from tests.support.tiny_network import plant_tiny, push, runtime


async def credited(interaction: str, user: str) -> BackwardState:
    """Return a record whose user and positive item, `j2`, are to be rewritten."""
    state = await after_forward(interaction, user=user)
    owners = [client.id for client in state["clients"]]
    user_module = USER.model_copy(update={"owner": owners[0]})
    state["gradients"] = [
        gradient(module, interaction=interaction) for module in (user_module, ITEM)
    ]
    return state


async def test_a_profile_that_changed_before_the_lock_is_rewritten_in_its_newest_version(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1, 8)
    state = await credited("i:1", "ann")
    await move_profile(resources, network, 8, "Described by somebody else.")
    state = {**state, **await lock_clients(state, runtime())}
    tasks = [send_to.arg for send_to in sends_of(await fan_out_gradients(state))]
    assert [task["text"] for task in tasks] == [
        state["receptions"][0].profile,
        "Described by somebody else.",
    ]
    assert state["receptions"][0].filter_decisions  # ann's message goes in as it was merged
    assert state["receptions"][1] == Reception(client=8, profile="Described by somebody else.")
    assert state["rounds"] == 0
    assert await lock_clients(state, runtime()) == {}


async def test_the_next_run_of_a_client_waits_for_the_commit(resources: Resources) -> None:
    await plant_tiny(resources)
    first, second = await credited("i:1", "ann"), await credited("i:2", "bob")
    elsewhere = await after_forward("i:3", user="cid", positive="m2", negative="m3")
    assert await lock_clients(first, runtime()) == {}
    waiting = asyncio.create_task(lock_clients(second, runtime()))
    assert await lock_clients(elsewhere, runtime()) == {}
    await asyncio.sleep(0.1)
    assert not waiting.done()
    first["rewrites"] = [rewrite(first, ITEM, "A bebop record.")]
    assert (await commit_interaction(first, runtime()))["committed"]
    second = {**second, **await waiting}
    assert second["clients"][1].profile == "A bebop record."
    second["rewrites"] = [rewrite(second, ITEM, "A bebop record, and more.")]
    update = await commit_interaction(second, runtime())
    assert await route_after_commit({**second, **update}) == "__end__"


async def test_a_record_that_fails_releases_its_locks(resources: Resources) -> None:
    await plant_tiny(resources)
    first, second = await credited("i:1", "ann"), await credited("i:2", "bob")
    await lock_clients(first, runtime())
    waiting = asyncio.create_task(lock_clients(second, runtime()))
    record = InteractionState(
        interaction="i:1", user="ann", positive="j2", negative="m1", failure="It stayed bad."
    )
    await record_failure(record, runtime())
    assert await waiting == {}


async def test_a_lock_that_does_not_come_is_done_without(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = (await plant_tiny(resources)).id
    first, second = await credited("i:1", "ann"), await credited("i:2", "bob")
    await lock_clients(first, runtime())
    monkeypatch.setattr("nodes.client_locks.WAIT_SECONDS", 0.1)
    await move_profile(resources, network, 8, "Described by somebody else.")
    second = {**second, **await lock_clients(second, runtime())}
    assert second["clients"][1].profile == "Described by somebody else."
    for state in (first, second):  # and the commit compares versions all the same
        state["rewrites"] = [rewrite(state, ITEM, "A bebop record.")]
    assert (await commit_interaction(second, runtime()))["committed"]
    assert await commit_interaction(first, runtime()) == {"rounds": 1}
