"""Networks: found by name, apart from each other, copied whole and dropped whole."""

import pytest

from nodes.resources import Resources
from state.db.checkpoints import thread_of
from state.db.pool import Connection
from state.domain import ClientKind, Module, ModuleKind
from state.errors import NetworkError
from state.settings import NetworkSettings
from state.store.clients import count_clients, read_clients
from state.store.digest import digest_network
from state.store.networks import (
    copy_network,
    create_network,
    drop_network,
    find_network,
    list_networks,
)
from state.store.versions import append_version
from state.store.windows import add_pending, read_pending
from tests.support.database_rows import keeping
from tests.support.tiny_network import NETWORK_SETTINGS, load_tiny, plant_tiny, push
from workflows.recnet import RecNet


async def count_rows(conn: Connection, network: int) -> dict[str, int]:
    """Return how many rows each table holds of a network; LangGraph's by its threads."""
    cursor = await conn.execute(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND column_name = 'network_id'"
    )
    rows = {}
    for table in [row["table_name"] for row in await cursor.fetchall()]:
        statement = f"SELECT count(*) AS n FROM {table} WHERE network_id = %s"  # noqa: S608 - ours
        rows[table] = await _count(conn, statement, network)
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        statement = f"SELECT count(*) AS n FROM {table} WHERE starts_with(thread_id, %s)"  # noqa: S608
        rows[table] = await _count(conn, statement, thread_of(network, ""))
    return rows


async def _count(conn: Connection, statement: str, key: int | str) -> int:
    row = await (await conn.execute(statement.encode(), (key,))).fetchone()
    assert row is not None
    return int(row["n"])


async def test_an_unknown_network_is_answered_with_those_there_are(resources: Resources) -> None:
    async with resources.pool.connection() as conn:
        with pytest.raises(NetworkError, match="no network 'cds'; there are: none yet"):
            await find_network(conn, "cds")
        for name in ("films", "books"):
            await create_network(conn, name, name, name)
        with pytest.raises(NetworkError, match="no network 'cds'; there are: books, films"):
            await find_network(conn, "cds")
        assert [network.name for network in await list_networks(conn)] == ["books", "films"]


async def test_a_name_is_taken_once(recnet: RecNet) -> None:
    await load_tiny(recnet, "cds")
    with pytest.raises(NetworkError, match=r"'cds' exists: .*recnet drop --network cds"):
        await load_tiny(recnet, "cds")


async def test_a_network_that_is_not_bootstrapped_says_what_to_do(recnet: RecNet) -> None:
    await load_tiny(recnet, "cds")
    network = await recnet.network("cds").record()
    with pytest.raises(NetworkError, match="recnet bootstrap --network cds"):
        _ = network.settings
    with pytest.raises(NetworkError, match="has no routers yet"):
        network.tau(ClientKind.USER)


async def test_loading_keeps_the_order_of_the_data_set(recnet: RecNet) -> None:
    network = await load_tiny(recnet, "cds")
    async with recnet.resources.pool.connection() as conn:
        first, seventh = await read_clients(conn, network, [1, 7])
        assert await count_clients(conn, network) == {ClientKind.USER: 6, ClientKind.ITEM: 12}
    assert (first.kind, first.key, first.profile) == (ClientKind.USER, "ann", "")
    assert (seventh.kind, seventh.key, seventh.title) == (ClientKind.ITEM, "j1", "Smoky Trumpet")


async def test_a_drop_removes_everything_of_one_network_and_nothing_of_another(
    recnet: RecNet,
) -> None:
    networks = [(await plant_tiny(recnet.resources, name)).id for name in ("one", "two")]
    for name in ("one", "two"):
        for user, positive in (("ann", "j2"), ("fay", "m2"), ("cid", "m2")):
            await (
                keeping(recnet).network(name).interact(user=user, positive=positive, negative="f1")
            )
        await recnet.network(name).recommend("ann")
    async with recnet.resources.pool.connection() as conn:
        before = [await count_rows(conn, network) for network in networks]
        # Everything is there to be dropped, but what these few records leave empty.
        assert {table for table, rows in before[0].items() if not rows} <= {
            "pending_clients",
            "planned_records",
            "merged_views",
        }
        await drop_network(conn, networks[0])
        assert set((await count_rows(conn, networks[0])).values()) == {0}
        assert await count_rows(conn, networks[1]) == before[1]
        with pytest.raises(NetworkError, match="there are: two"):
            await find_network(conn, "one")


async def test_threads_of_network_1_are_not_those_of_network_12(resources: Resources) -> None:
    async with resources.pool.connection() as conn:
        for thread in (thread_of(1, "a"), thread_of(12, "a")):
            await conn.execute(
                "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint, metadata) "
                "VALUES (%s, '1', '{}', '{}')",
                (thread,),
            )
        await drop_network(conn, 1)
        cursor = await conn.execute("SELECT thread_id FROM checkpoints")
        assert [row["thread_id"] for row in await cursor.fetchall()] == ["recnet/12/a"]


async def test_a_copy_is_the_same_network_and_independent(resources: Resources) -> None:
    source = await plant_tiny(resources)
    await push(resources, source.id, 1, 1, 7)
    network_settings = NetworkSettings(
        **{**NETWORK_SETTINGS.model_dump(), "propagation": "placebo"}
    )
    async with resources.pool.connection() as conn:
        await add_pending(conn, source.id, [1])
        copy = await copy_network(conn, source, "ablation", network_settings)
        digest = await digest_network(conn, source.id)
        assert await digest_network(conn, copy) == digest
        found = await find_network(conn, "ablation")
        assert (found.settings, found.tau_user) == (network_settings, source.tau_user)
        assert (await find_network(conn, "tiny")).settings == NETWORK_SETTINGS
        assert (await read_clients(conn, copy, [1]))[0].messages != ()

        module = Module(kind=ModuleKind.ROUTER, owner=1)
        await append_version(conn, copy, module, 2, "changed", "gradient")
        await add_pending(conn, copy, [2])
        assert await digest_network(conn, source.id) == digest
        assert await read_pending(conn, source.id) == [1]


async def test_a_copy_under_a_name_that_is_taken_leaves_nothing(resources: Resources) -> None:
    source = await plant_tiny(resources)
    async with resources.pool.connection() as conn:
        with pytest.raises(NetworkError, match="exists"):
            await copy_network(conn, source, "tiny", NETWORK_SETTINGS)
        assert len(await list_networks(conn)) == 1


async def test_a_copy_holds_every_table_but_usage_and_caches(recnet: RecNet) -> None:
    source = await plant_tiny(recnet.resources)
    for user, positive in (("ann", "j2"), ("fay", "m2")):
        await recnet.network("tiny").interact(user=user, positive=positive, negative="f1")
    async with recnet.resources.pool.connection() as conn:
        copy = await copy_network(conn, source, "copy", NETWORK_SETTINGS)
        held, copied = await count_rows(conn, source.id), await count_rows(conn, copy)
    apart = {"usage", "merged_views", "checkpoints", "checkpoint_blobs", "checkpoint_writes"}
    assert {t: n for t, n in copied.items() if t not in apart} == {
        t: n for t, n in held.items() if t not in apart
    }
