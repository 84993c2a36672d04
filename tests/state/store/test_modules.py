"""Modules: versions are appended, never written over, and clients point at the newest."""

import numpy as np
import psycopg
import pytest

from nodes.resources import Resources
from prompts.initial_profiles import INITIAL_RULES
from state.domain import ClientKind, Module, ModuleKind
from state.errors import InputError
from state.store.clients import (
    find_clients,
    list_clients,
    nearest_items,
    point_filter,
    point_profile,
    read_attributes,
    read_client_versions,
    read_clients,
    read_vectors,
    write_attributes,
)
from state.store.interactions import Interaction, write_interaction
from state.store.routers import (
    count_routers,
    read_heirs,
    read_routers,
    retire_router,
    write_router,
)
from state.store.versions import append_version, join_rules, read_version, read_versions
from tests.support.tiny_network import plant_tiny, push

PROFILE = Module(kind=ModuleKind.USER_PROFILE, owner=1)


async def test_versions_are_appended_with_what_made_them(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        await append_version(conn, network, PROFILE, 2, "two", "reception", interaction="i:1")
        await append_version(conn, network, PROFILE, 3, "three", "gradient", interaction="i:1")
        versions = await read_versions(conn, network, PROFILE)
        assert [(v.version, v.author, v.interaction_id) for v in versions] == [
            (1, "bootstrap", None),
            (2, "reception", "i:1"),
            (3, "gradient", "i:1"),
        ]
        second = await read_version(conn, network, PROFILE, 2)
        assert second is not None
        assert second.content == "two"
        assert await read_version(conn, network, PROFILE, 9) is None


async def test_no_version_is_written_over(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        before = await read_versions(conn, network, PROFILE)
        with pytest.raises(psycopg.errors.UniqueViolation):
            await append_version(conn, network, PROFILE, 1, "another text", "gradient")
        assert await read_versions(conn, network, PROFILE) == before


async def test_an_unknown_kind_of_module_is_refused_by_the_database(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        with pytest.raises(psycopg.errors.CheckViolation):
            await conn.execute(
                "INSERT INTO module_versions (network_id, module, owner, version, content, author) "
                "VALUES (%s, 'rule', 1, 1, '', '')",
                (network,),
            )


async def test_a_client_is_read_with_the_texts_it_points_at(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    (vector,) = await resources.encoder.embed(["Likes polka."])
    memory = Module(kind=ModuleKind.FILTER_MEMORY, owner=1)
    async with resources.pool.connection() as conn:
        await append_version(conn, network, PROFILE, 2, "Likes polka.", "gradient")
        await append_version(conn, network, memory, 2, join_rules(("one", "two")), "gradient")
        (ann,) = await read_clients(conn, network, [1])
        assert (ann.profile_version, ann.rules) == (1, INITIAL_RULES[ClientKind.USER])
        await point_profile(conn, network, 1, 2, vector)
        await point_filter(conn, network, 1, 2)
        (ann,) = await read_clients(conn, network, [1])
        assert (ann.profile, ann.profile_version) == ("Likes polka.", 2)
        assert (ann.rules, ann.filter_version) == (("one", "two"), 2)
        assert await read_client_versions(conn, network, [1, 2]) == {1: (2, 2), 2: (1, 1)}
        vectors = await read_vectors(conn, network, ClientKind.USER)
        assert np.array_equal(vectors[0][1], vector)
        assert vectors[0][0] == [1]  # pointing at another text keeps the attributes


async def test_clients_come_in_the_order_asked_for_with_their_messages(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    message = await push(resources, network, 3, 6)
    async with resources.pool.connection() as conn:
        clients = await read_clients(conn, network, [7, 6, 1])
    assert [client.key for client in clients] == ["j1", "fay", "ann"]
    (held,) = clients[1].messages
    assert (held.id, held.sender, held.version) == (message, Module.router(3), 1)
    assert held.body == "Liked here: sea fiddle."
    assert clients[0].messages == ()


async def test_clients_are_found_by_kind_and_key(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        found = await find_clients(conn, network, ClientKind.ITEM, ["m1", "j1"])
        assert found == {"j1": 7, "m1": 11}
        with pytest.raises(InputError, match="unknown user 'j1'"):
            await find_clients(conn, network, ClientKind.USER, ["ann", "j1"])
        assert len(await list_clients(conn, network)) == 18


async def test_attributes_of_some_clients_are_replaced(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        await write_attributes(conn, network, {1: [3, 1], 2: []})
        assert await read_attributes(conn, network, [3, 1, 2]) == {1: [3, 1], 2: [], 3: [2]}
        assert len(await read_attributes(conn, network)) == 18


async def test_the_nearest_items_are_those_the_user_has_not_met(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        # j4 is in the test split and nobody has met it; j1 to j3 ann has.
        nearest = await nearest_items(conn, network, 1, 12)
        assert len(nearest) == 9
        assert not {"j1", "j2", "j3"} & set(nearest)
        assert await nearest_items(conn, network, 1, 2) == nearest[:2]
        taken = Interaction(
            id="live:1", user_id=1, positive_id=10, negative_id=11, predicted_id=10, reward=1,
            reason="", failure="",
        )  # fmt: skip
        await write_interaction(conn, network, taken)
        assert "j4" not in await nearest_items(conn, network, 1, 12)


async def test_nearest_is_by_cosine_and_ties_go_by_id(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        vectors = np.zeros((18, 256), dtype=np.float32)
        vectors[:, 1] = 1.0
        vectors[0], vectors[14] = np.eye(256, dtype=np.float32)[[0, 0]]
        for client, vector in enumerate(vectors, start=1):
            await point_profile(conn, network, client, 1, vector)
        assert await nearest_items(conn, network, 1, 4) == ["f1", "j4", "m1", "m2"]


async def test_a_router_retires_in_favour_of_its_heirs_and_stays_readable(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    vectors = await resources.encoder.embed(["left", "right"])
    async with resources.pool.connection() as conn:
        for child, (text, vector) in enumerate(zip(("left", "right"), vectors, strict=True), 4):
            module = Module(kind=ModuleKind.ROUTER, owner=child)
            await append_version(conn, network, module, 1, text, "split", window=1)
            await write_router(conn, network, child, 1, [], vector)
            await retire_router(conn, network, 2, child)
        assert [router.id for router in await read_routers(conn, network)] == [1, 3, 4, 5]
        everyone = await read_routers(conn, network, retired=True)
        assert everyone[1].profile == "Liked here: guitar riffs."
        assert everyone[1].heirs == (4, 5)
        assert await read_heirs(conn, network) == {1: (), 2: (4, 5), 3: (), 4: (), 5: ()}
        assert await count_routers(conn, network) == (4, 1)
