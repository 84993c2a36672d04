"""Differences: whatever moves the digest is found, named and put at the step that made it."""

from collections.abc import AsyncIterator

import pytest

from nodes.resources import Resources
from state.db.pool import Connection
from state.domain import Gradient, Module, ModuleKind
from state.store.digest import digest_network
from state.store.gradients import add_gradients, settle_gradients
from state.store.interactions import write_interaction
from state.store.network_diff import (
    SHOWN,
    Change,
    Differences,
    NetworkStep,
    RowDifference,
    compare_networks,
)
from state.store.networks import copy_network, find_network
from state.store.versions import append_version
from tests.support import network_changes as changes
from tests.support.tiny_network import NETWORK_SETTINGS

BOOTSTRAP = NetworkStep(kind="bootstrap")
FIRST = NetworkStep(kind="interaction", id="i:1")
UPDATE = NetworkStep(kind="router update", id="1")


@pytest.fixture
async def conn(resources: Resources) -> AsyncIterator[Connection]:
    async with resources.pool.connection() as conn:
        yield conn


@pytest.fixture
async def twins(resources: Resources, conn: Connection) -> tuple[int, int]:
    """Return two networks that are the same and hold something of everything."""
    first = await changes.lived_in(resources)
    return first, await copy_network(
        conn, await find_network(conn, "tiny"), "twin", NETWORK_SETTINGS
    )


async def compare(conn: Connection) -> Differences:
    return await compare_networks(
        conn, await find_network(conn, "tiny"), await find_network(conn, "twin")
    )


async def record(conn: Connection, network: int, *names: str) -> None:
    """Let interactions be settled one after another."""
    for name in names:
        await write_interaction(conn, network, changes.settled_record(name))


async def miss(conn: Connection, network: int, name: str) -> None:
    """Let the prediction of an interaction have been wrong."""
    await conn.execute(
        "UPDATE interactions SET reward = 0 WHERE network_id = %s AND id = %s", (network, name)
    )


@pytest.mark.parametrize(
    ("change", "tables", "name", "step"),
    [
        (changes.vocabulary, ["attributes"], "4", None),
        (changes.new_version, ["module_versions"], "item:j1 · 2", FIRST),
        (changes.other_author, ["module_versions"], "rules:item:j1 · 1", BOOTSTRAP),
        (changes.filter_pointer, ["clients"], "user:ann", BOOTSTRAP),
        (changes.client_attributes, ["client_vectors"], "user:ann", None),
        (changes.router_attributes, ["routers"], "1", None),
        (changes.lineage, ["routers"], "1", None),
        (changes.consumed, ["buffers"], "user:ann", None),
        (changes.reward, ["interactions"], "i:1", FIRST),
        (changes.new_record, ["interactions"], "i:2", NetworkStep(kind="interaction", id="i:2")),
        (changes.claim, ["windows"], "1", UPDATE),
        (changes.filter_decision, ["filter_decisions"], "i:1 · user:ann · 1", FIRST),
        (changes.gradient, ["gradients"], "i:1 · router:2", None),
        (changes.pending, ["pending_clients"], "user:eve", None),
        (changes.window, ["windows"], "1", UPDATE),
        (changes.recipients, ["windows"], "1", UPDATE),
        (changes.pinned_rules, ["clients"], "user:ann", BOOTSTRAP),
        (changes.pinned_router, ["routers"], "1", None),
        (changes.by_hand, ["module_versions"], "router:1 · 2", None),
    ],
)
async def test_every_change_is_found_and_named(
    conn: Connection,
    twins: tuple[int, int],
    change: changes.Change,
    tables: list[str],
    name: str,
    step: NetworkStep | None,
) -> None:
    _, twin = twins
    await change(conn, twin)
    found = await compare(conn)
    assert not found.same
    assert [table.table for table in found.tables] == tables
    assert found.tables[0].rows[0].name == name
    assert found.first_difference == step


def test_every_change_that_moves_the_digest_is_tried() -> None:
    (marks,) = test_every_change_is_found_and_named.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in marks.args[1]} == set(changes.CHANGES)


async def test_the_same_networks_do_not_differ(conn: Connection, twins: tuple[int, int]) -> None:
    for name in ("tiny", "twin"):
        one, other = await find_network(conn, "tiny"), await find_network(conn, name)
        found = await compare_networks(conn, one, other)
        digest = await digest_network(conn, twins[0])
        assert found.same
        assert found.digests == (digest, digest)
        assert (found.tables, found.first_difference, found.settings) == ((), None, ())


async def test_what_differs_is_told_with_both_values(
    conn: Connection, twins: tuple[int, int]
) -> None:
    first, twin = twins
    await changes.reward(conn, twin)
    await changes.router_attributes(conn, twin)
    await record(conn, first, "i:0", "i:3")
    found = await compare(conn)
    routers, interactions = found.tables
    assert routers.rows == (
        RowDifference(
            name="1",
            only_in=None,
            columns=(Change(name="attributes", first=[1], second=[2]),),
        ),
    )
    counted = (interactions.only_first, interactions.only_second, interactions.differ)
    assert counted == (2, 0, 1)
    assert [(row.name, row.only_in) for row in interactions.rows] == [
        ("i:0", "first"), ("i:1", None), ("i:3", "first"),
    ]  # fmt: skip
    assert interactions.rows[1].columns == (Change(name="reward", first=1, second=0),)


async def test_many_rows_are_counted_and_a_few_kept(
    conn: Connection, twins: tuple[int, int]
) -> None:
    _, twin = twins
    await conn.execute(
        "UPDATE module_versions SET content = 'x' WHERE network_id = %s AND module = 'router'",
        (twin,),
    )
    await conn.execute(
        "UPDATE clients SET title = 'x' WHERE network_id = %s AND kind = 'item'", (twin,)
    )
    clients, versions = (await compare(conn)).tables
    assert (clients.differ, len(clients.rows)) == (12, SHOWN)
    assert [p.name for p in versions.rows] == [f"router:{n} · 1" for n in (1, 2, 3)]


async def test_rows_are_matched_by_name_in_any_script(
    conn: Connection, twins: tuple[int, int]
) -> None:
    first, twin = twins
    names = ("Z", "a", "_", "-", "é", "語", "😀", "i:10", "i:2")
    await record(conn, first, *names)
    await record(conn, twin, *reversed(names), "e")
    (interactions,) = (await compare(conn)).tables
    assert (interactions.only_first, interactions.only_second, interactions.differ) == (0, 1, 0)


async def test_the_first_difference_is_the_earliest_in_time(
    conn: Connection, twins: tuple[int, int]
) -> None:
    first, twin = twins
    await record(conn, first, "i:z", "i:a", "only")
    await record(conn, twin, "i:z", "i:a")
    assert (await compare(conn)).first_difference == NetworkStep(kind="interaction", id="only")
    for name in ("i:a", "i:z"):
        await miss(conn, twin, name)
        # Settled before it, though after it by name.
        assert (await compare(conn)).first_difference == NetworkStep(kind="interaction", id=name)


async def test_a_router_update_is_told_from_the_interactions_around_it(
    conn: Connection, twins: tuple[int, int]
) -> None:
    first, twin = twins
    router = Module(kind=ModuleKind.ROUTER, owner=3)
    pending = Gradient(interaction="i:1", module=router, version=1, reward=1, suggestion="Say sea.")
    for network in twins:
        await record(conn, network, "i:2", "i:3")
        await conn.execute(
            "UPDATE windows w SET claimed_at = i.created_at FROM interactions i "
            "WHERE w.network_id = %s AND i.network_id = w.network_id AND i.id = 'i:2'",
            (network,),
        )
        await add_gradients(conn, network, [pending])
    applied = {"status": "applied", "applied_to": 3, "applied_version": 2}
    await settle_gradients(conn, first, [pending.model_copy(update=applied)])
    assert (
        await compare(conn)
    ).first_difference is None  # the update that settled it has no other trace
    await changes.vocabulary(conn, twin)  # an update that differs may have found the phrase
    await append_version(conn, twin, router, 2, "Other.", "gradient", window=1)
    await miss(conn, twin, "i:3")
    assert (await compare(conn)).first_difference == UPDATE
    await miss(conn, twin, "i:2")
    assert (await compare(conn)).first_difference == NetworkStep(kind="interaction", id="i:2")
    await changes.reward(conn, twin)
    assert (await compare(conn)).first_difference == FIRST


async def test_settings_are_told_apart_from_what_differs(
    conn: Connection, twins: tuple[int, int]
) -> None:
    source = await find_network(conn, "tiny")
    network_settings = NETWORK_SETTINGS.model_copy(update={"update_size": 9})
    await copy_network(conn, source, "shaped", network_settings)
    found = await compare_networks(conn, source, await find_network(conn, "shaped"))
    assert found.same
    assert found.settings == (Change(name="update_size", first=5, second=9),)
    assert twins
