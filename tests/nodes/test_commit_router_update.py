"""The second half of a router update: attributes, summaries, messages and the commit."""

import numpy as np
import pytest

from nodes.attributes import (
    assign_attributes,
    extract_attributes,
    fan_out_summaries,
    summarize_router,
)
from nodes.commit_router_update import commit_router_update
from nodes.resources import Resources
from prompts.attributes import Extract, Summarize
from state.domain import Module
from state.graphs.router_update import (
    ExtractedAttributes,
    ExtractTask,
    RouterChange,
    RouterUpdateState,
    SummarizeTask,
    Summary,
)
from state.store.attributes import read_vocabulary
from state.store.clients import read_attributes
from state.store.digest import digest_network
from state.store.routers import read_routers, write_router_attributes
from state.store.windows import add_pending, claim_window, count_windows, open_window
from tests.support.backward_state import read_client
from tests.support.scripted_model import replying
from tests.support.tiny_network import plant_tiny, runtime

RIFFS = "guitar riffs loud"


async def claimed(
    resources: Resources, *extracted: ExtractedAttributes
) -> tuple[int, RouterUpdateState]:
    """Return a network with a claimed window, and the state after extraction."""
    network = (await plant_tiny(resources, tau=-1.0)).id
    async with resources.pool.connection() as conn:
        await add_pending(conn, network, [entry.client for entry in extracted])
        assert await claim_window(conn, network, 1) == 1
    state: RouterUpdateState = {"window": 1, "extracted": list(extracted)}
    return network, {**state, "restructured": [], "pending_gradients": []}


def found(client: int, *attributes: str) -> ExtractedAttributes:
    return ExtractedAttributes(client=client, attributes=attributes)


async def test_new_is_what_a_client_did_not_hold(resources: Resources) -> None:
    _, state = await claimed(
        resources, found(1, "trumpet jazz", RIFFS), found(2, RIFFS), found(3, "guitar riffs")
    )
    (assigned,) = (await assign_attributes(state, runtime()))["assigned"]
    # Near enough to be the known one, it is new in the two who did not hold it; 3 did.
    assert (assigned.router, assigned.attributes, assigned.contributors) == (
        2,
        ("guitar riffs",),
        ((1, 2),),
    )


async def test_each_goes_to_its_nearest_router_the_most_widely_held_first(
    resources: Resources,
) -> None:
    _, state = await claimed(
        resources,
        found(1, "fiddle dance", "harbour fiddle", "jazz swing"),
        found(2, "harbour fiddle"),
    )
    assigned = (await assign_attributes(state, runtime()))["assigned"]
    assert [(a.router, a.attributes, a.contributors) for a in assigned] == [
        (1, ("jazz swing",), ((1,),)),
        (3, ("harbour fiddle", "fiddle dance"), ((1, 2), (1,))),
    ]


async def test_attributes_are_assigned_by_the_new_text_of_a_changed_router(
    resources: Resources,
) -> None:
    _, state = await claimed(resources, found(1, "polka"))
    state["restructured"] = [
        RouterChange(
            module=Module.router(4),
            base=0,
            texts=(("polka", "merge"),),
            attributes=(),
            parents=(1, 2),
        )
    ]
    state["assigned"] = (await assign_attributes(state, runtime()))["assigned"]
    assert [entry.router for entry in state["assigned"]] == [4]
    (send,) = await fan_out_summaries(state)
    assert (send.node, send.arg["profile"], send.arg["attributes"]) == (
        "summarize_router",
        "polka",
        ("polka",),
    )


async def test_with_nothing_new_the_update_goes_on_to_its_commit(resources: Resources) -> None:
    network, state = await claimed(resources, found(1, "trumpet jazz"))
    state = {**state, **await assign_attributes(state, runtime())}
    assert state["assigned"] == []
    (send,) = await fan_out_summaries(state)
    assert send.node == "commit_router_update"
    assert await commit_router_update(send.arg, runtime()) == {"recipients": 0}
    async with resources.pool.connection() as conn:
        assert await open_window(conn, network) is None
        assert [router.version for router in await read_routers(conn, network)] == [1, 1, 1]


async def test_an_update_is_committed_whole_and_once(resources: Resources) -> None:
    network, state = await claimed(resources, found(1, "harbour fiddle"), found(2, "trumpet jazz"))
    state = {**state, **await assign_attributes(state, runtime())}
    state["summaries"] = [Summary(router=3, profile="Lately harbour fiddle.")]
    committed = await commit_router_update(state, runtime())
    assert committed == {"recipients": 0}  # it would be an echo to client 1
    async with resources.pool.connection() as conn:
        router = (await read_routers(conn, network))[2]
        assert (router.profile, router.version) == ("Lately harbour fiddle.", 2)
        assert router.attributes == (4, 3)
        (expected,) = await resources.encoder.embed(["Lately harbour fiddle."])
        assert np.array_equal(router.embedding, expected)
        assert (await read_vocabulary(conn, network)).phrases[3] == "harbour fiddle"
        assert await read_attributes(conn, network, [1, 2]) == {1: [4], 2: [1]}
        assert await open_window(conn, network) is None
        assert await count_windows(conn, network) == 1
        before = await digest_network(conn, network)
        # Stopped between this commit and its checkpoint, the node runs again with its old state.
        assert await commit_router_update(state, runtime()) == {"recipients": 0}
        assert await digest_network(conn, network) == before


async def test_only_routers_with_new_attributes_send_and_only_to_clients_that_share_one(
    resources: Resources,
) -> None:
    network, state = await claimed(
        resources, found(1, "harbour fiddle"), found(2, "harbour fiddle"), found(7, "sea fiddle")
    )
    state = {**state, **await assign_attributes(state, runtime())}
    state["summaries"] = [Summary(router=3, profile="Lately fiddle.")]
    assert await commit_router_update(state, runtime()) == {"recipients": 9}
    for client in (1, 2, 5, 7):  # all that hold the attribute, new or not
        (message,) = (await read_client(resources, network, client)).messages
        assert (message.sender, message.version, message.body) == (
            Module.router(3),
            2,
            "Lately fiddle.",
        )
    assert (await read_client(resources, network, 3)).messages == ()


async def test_a_router_loses_what_no_client_holds(resources: Resources) -> None:
    network, state = await claimed(
        resources, *(found(client, "trumpet jazz") for client in (5, 6, 15, 16, 17, 18))
    )
    async with resources.pool.connection() as conn:
        await write_router_attributes(conn, network, 1, [3, 1])
        state = {**state, **await assign_attributes(state, runtime())}
        state["summaries"] = [Summary(router=1, profile="Jazz, jazz.")]
        await commit_router_update(state, runtime())
        routers = await read_routers(conn, network)
    assert [router.attributes for router in routers] == [(1,), (2,), ()]


async def test_a_commit_that_breaks_leaves_the_window_open(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, state = await claimed(resources, found(1, "harbour fiddle"))
    state = {**state, **await assign_attributes(state, runtime())}
    state["summaries"] = [Summary(router=3, profile="Lately fiddle.")]

    async def power_cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("nodes.commit_router_update.set_recipients", power_cut)
    async with resources.pool.connection() as conn:
        before = await digest_network(conn, network)
        with pytest.raises(OSError, match="power cut"):
            await commit_router_update(state, runtime())
        assert await digest_network(conn, network) == before
        assert await open_window(conn, network) is not None


async def test_extraction_reads_the_profile_as_it_is_now(resources: Resources) -> None:
    await plant_tiny(resources)
    reply = Extract(attributes=[f"Attribute {n}" for n in range(20)])
    with replying(resources, reply) as model:
        update = await extract_attributes(ExtractTask(step="window 1", client=7), runtime())
    assert "Smoky Trumpet" in model.shown()
    (extracted,) = update["extracted"]
    assert extracted.attributes == tuple(f"attribute {n}" for n in range(12))


async def test_a_summary_starts_from_the_stored_text_or_from_the_changed_one(
    resources: Resources,
) -> None:
    await plant_tiny(resources)
    for profile, shown in ((None, "Liked here: sea fiddle."), ("A draft.", "A draft.")):
        task = SummarizeTask(step="window 1", router=3, profile=profile, attributes=("polka",))
        with replying(resources, Summarize(profile="New.")) as model:
            update = await summarize_router(task, runtime())
        assert shown in model.shown()
        assert update["summaries"] == [Summary(router=3, profile="New.")]
