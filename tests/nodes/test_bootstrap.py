"""Bootstrap: first profiles, clusters of single attributes, and tau."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from langgraph.runtime import Runtime

from nodes.bootstrap import (
    cluster_attributes,
    create_routers,
    fan_out_clients,
    fan_out_clusters,
    initialize_clients,
)
from nodes.resources import Resources
from prompts.initial_profiles import INITIAL_RULES
from state.domain import ClientKind, Module
from state.errors import NetworkError
from state.graphs.bootstrap import BootstrapState
from state.graphs.context import BootstrapContext
from state.graphs.router_update import ExtractedAttributes, Summary
from state.store.buffers import NewMessage, add_messages
from state.store.clients import read_attributes, read_clients, read_vectors
from state.store.digest import digest_network
from state.store.networks import drop_network, find_network
from state.store.routers import read_routers
from state.store.routing import score_clients
from tests.support.backward_state import sends_of
from tests.support.tiny_network import NETWORK_SETTINGS, load_tiny
from workflows.recnet import RecNet


def settings(**change: Any) -> Runtime[BootstrapContext]:  # noqa: ANN401 - settings of all types
    network_settings = {**NETWORK_SETTINGS.model_dump(), **change}
    return Runtime(context=BootstrapContext(network="tiny", **network_settings))


async def first(resources: Resources) -> list[Any]:
    async with resources.pool.connection() as conn:
        network = await find_network(conn, "tiny")
        return [network, *await read_clients(conn, network.id, range(1, 19))]


async def test_a_users_first_profile_is_made_of_exactly_its_first_event(recnet: RecNet) -> None:
    await load_tiny(recnet)
    assert await initialize_clients({}, settings()) == {"clients": 18, "routers": 0}
    _, ann, *_, fay, j1, j2, j3, j4, m1, m2, m3, m4, f1, f2, f3, f4 = await first(recnet.resources)
    assert ann.profile == (
        'A person who enjoys CDs. The first one taken was "Smoky Trumpet" (Jazz).'
    )
    assert fay.profile == (
        'A person who enjoys CDs. The first one taken was "Old Banjo Songs" (Folk).'
    )
    assert ann.rules == INITIAL_RULES[ClientKind.USER]
    assert j2.profile == '"Swing Trumpet Quartet"\nAbout: Jazz.'
    assert j2.rules == INITIAL_RULES[ClientKind.ITEM]
    later = [client.title for client in (j1, j2, j3, j4, m1, m2, m3, m4, f1, f2, f3)]
    assert not any(title in fay.profile for title in later)
    assert f4.title in fay.profile
    assert recnet.resources.budget.calls == 0


async def test_stored_embeddings_are_those_of_the_stored_texts(recnet: RecNet) -> None:
    await load_tiny(recnet)
    await initialize_clients({}, settings())
    network, *clients = await first(recnet.resources)
    async with recnet.resources.pool.connection() as conn:
        users = await read_vectors(conn, network.id, ClientKind.USER)
        items = await read_vectors(conn, network.id, ClientKind.ITEM)
    stored = np.stack([vector for _, vector in users + items])
    assert np.array_equal(
        stored, await recnet.resources.encoder.embed([c.profile for c in clients])
    )
    assert np.linalg.norm(stored, axis=1) == pytest.approx(1, abs=1e-6)


async def test_a_second_bootstrap_with_the_same_settings_changes_nothing(
    recnet: RecNet,
) -> None:
    network = await load_tiny(recnet)
    await initialize_clients({}, settings())
    async with recnet.resources.pool.connection() as conn:
        before = await digest_network(conn, network)
        assert await initialize_clients({}, settings()) == {"clients": 18, "routers": 0}
        assert await digest_network(conn, network) == before
    fanned = await fan_out_clients({"routers": 0}, settings())
    assert [send.arg["client"] for send in sends_of(fanned)] == list(range(1, 19))
    assert await fan_out_clients({"routers": 3}, settings()) == "__end__"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"routers": 4}, "routers=3, not 4: load the data under another name"),
        ({"tau": 0.5}, "tau=auto, not 0.5: load the data under another name"),
        ({"seed": 9}, "seed=0, not 9: load the data under another name"),
        (
            {"buffer_size": 2},
            "buffer_size=6, not 2: `recnet copy tiny NAME --set buffer_size=2` makes",
        ),
    ],
)
async def test_other_settings_for_the_same_network_are_refused(
    recnet: RecNet, change: dict[str, object], error: str
) -> None:
    await load_tiny(recnet)
    await initialize_clients({}, settings())
    with pytest.raises(NetworkError, match=f"bootstrapped with {error}"):
        await initialize_clients({}, settings(**change))


async def test_an_encoder_that_is_not_in_use_is_refused_before_anything_is_written(
    recnet: RecNet,
) -> None:
    await load_tiny(recnet)
    with pytest.raises(NetworkError, match="RECNET_EMBEDDING=openai:small"):
        await initialize_clients({}, settings(encoder="openai:small"))
    assert (await recnet.network("tiny").record()).stored_settings is None


EXTRACTED = [
    ExtractedAttributes(client=1, attributes=("trumpet jazz", "swing jazz")),
    ExtractedAttributes(client=2, attributes=("trumpet jazz",)),
    ExtractedAttributes(client=3, attributes=("guitar riffs",)),
    ExtractedAttributes(client=11, attributes=("guitar riffs", "guitar storm")),
    ExtractedAttributes(client=5, attributes=("harbour fiddle",)),
]


async def clustered(
    recnet: RecNet, extracted: list[ExtractedAttributes] = EXTRACTED, **change: float | str
) -> tuple[BootstrapState, Runtime[BootstrapContext]]:
    await load_tiny(recnet)
    runtime = settings(**change)
    await initialize_clients({}, runtime)
    state: BootstrapState = {"extracted": extracted}
    state["clusters"] = (await cluster_attributes(state, runtime))["clusters"]
    state["summaries"] = [
        Summary(router=send.arg["router"], profile=f"Likes {', '.join(send.arg['attributes'])}.")
        for send in await fan_out_clusters(state)
    ]
    return state, runtime


async def test_similar_attributes_become_one_router(recnet: RecNet) -> None:
    state, _ = await clustered(recnet)
    clusters = [set(cluster.attributes) for cluster in state["clusters"]]
    assert clusters == [  # the largest first, then by name
        {"guitar riffs", "guitar storm"},
        {"swing jazz", "trumpet jazz"},
        {"harbour fiddle"},
    ]
    jazz = state["clusters"][1]
    assert (jazz.attributes, jazz.contributors) == (("trumpet jazz", "swing jazz"), ((1, 2), (1,)))


async def test_there_are_no_more_routers_than_attributes(recnet: RecNet) -> None:
    state, runtime = await clustered(recnet, routers=50)
    assert len(state["clusters"]) == 5
    assert (await create_routers(state, runtime))["routers"] == 5


async def test_a_network_without_any_attribute_is_refused(recnet: RecNet) -> None:
    nothing = [ExtractedAttributes(client=1, attributes=())]
    with pytest.raises(NetworkError, match="no attributes were found in network 'tiny'"):
        await clustered(recnet, nothing)


async def test_routers_are_created_once(recnet: RecNet) -> None:
    state, runtime = await clustered(recnet)
    out = await create_routers(state, runtime)
    network = await recnet.network("tiny").record()
    assert (out["tau_user"], out["tau_item"]) == pytest.approx(
        (network.tau(ClientKind.USER), network.tau(ClientKind.ITEM))
    )
    async with recnet.resources.pool.connection() as conn:
        routers = await read_routers(conn, network.id)
        assert routers[0].profile.startswith("Likes guitar riffs")
        expected = await recnet.resources.encoder.embed([r.profile for r in routers])
        assert np.array_equal(np.stack([r.embedding for r in routers]), expected)
        assert await read_attributes(conn, network.id, [2, 4]) == {2: [5], 4: []}
        before = await digest_network(conn, network.id)
        # Stopped between this commit and its checkpoint, the node runs again with its old state.
        assert await create_routers(state, runtime) == pytest.approx(out)
        assert await digest_network(conn, network.id) == before


async def test_a_tau_that_is_given_holds_for_both_kinds(recnet: RecNet) -> None:
    state, runtime = await clustered(recnet, tau=0.25)
    out = await create_routers(state, runtime)
    assert (out["tau_user"], out["tau_item"]) == (0.25, 0.25)


async def test_tau_auto_gives_each_kind_the_wanted_number_of_recipients(recnet: RecNet) -> None:
    # Of the 6 users 4 share an attribute with a router, of the 12 items 1 does.
    state, runtime = await clustered(recnet, hears_from=0.34)
    await create_routers(state, runtime)
    network = await recnet.network("tiny").record()
    async with recnet.resources.pool.connection() as conn:
        routers = await read_routers(conn, network.id)
        messages = [
            NewMessage(id=r.id, sender=Module.router(r.id), version=1, attributes=r.attributes)
            for r in routers
        ]
        await add_messages(conn, network.id, 1, messages)
        recipients = Counter(d.kind for d in await score_clients(conn, network, 1))
    assert recipients == {ClientKind.USER: 2, ClientKind.ITEM: 1}


async def test_a_network_that_was_dropped_and_loaded_again_is_another_one(recnet: RecNet) -> None:
    for _ in range(2):  # in one process, under one name
        state, runtime = await clustered(recnet)
        await create_routers(state, runtime)
        network = await recnet.network("tiny").record()
        await recnet.network("tiny").recommend("ann", count=1)
        async with recnet.resources.pool.connection() as conn:
            assert len(await read_routers(conn, network.id)) == 3
            assert await score_clients(conn, network, 1) == []
            await drop_network(conn, network.id)
