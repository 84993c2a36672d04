"""Windows that a live run left open: who finishes them, and who leaves them alone."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest
from langgraph.config import get_config

from nodes import window_lease
from nodes.step import Step
from nodes.window_lease import lease_name
from state.db.checkpoints import checkpointer
from state.db.locks import Locks
from state.errors import InputError, NetworkError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput
from state.settings import Settings
from state.store.windows import Window, set_window_thread
from tests.support.database_rows import calls, pending_set, rows
from tests.support.interrupted_runs import (
    LIVE_RECORDS,
    fill_window,
    find_open_window,
    leave_open_window,
)
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import PowerCutError, WatchedModel, cut_once, decide_routers
from workflows import interaction, router_update
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow


@pytest.fixture
async def neighbour(settings: Settings) -> AsyncIterator[Locks]:
    """Return the locks of another process that lives."""
    assert settings.database_url is not None
    locks = Locks(settings.database_url.get_secret_value())
    yield locks
    await locks.close()


async def lease(recnet: RecNet, network: int, locks: Locks) -> None:
    """Let another run, of the process that has these locks, take the lease of the open window."""
    window = await find_open_window(recnet, network)
    assert window is not None
    assert await locks.acquire("elsewhere", [lease_name(network, window.id)], wait=0)
    async with recnet.resources.pool.connection() as conn:
        await set_window_thread(conn, network, window.id, "elsewhere")


async def is_leased(recnet: RecNet, network: int, window: Window) -> bool:
    async with recnet.resources.pool.connection() as conn:
        return not await window_lease.is_lease_free(conn, network, window)


async def test_the_next_live_record_finishes_what_a_failed_run_left(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await leave_open_window(recnet, model)
    left = await find_open_window(recnet, network)
    assert left is not None
    assert not await is_leased(recnet, network, left)
    out = await recnet.network("tiny").interact(user="cid", positive="m2", negative="j1", id="next")
    assert out["window"] == left.id
    assert await find_open_window(recnet, network) is None
    # The record that took the update over is not the one that filled the set.
    assert left.claimed_by == "live bob"
    claims = await rows(recnet, "SELECT claimed_by FROM windows")
    assert [row["claimed_by"] for row in claims] == ["live bob"]


async def test_a_process_that_is_gone_holds_nothing(
    recnet: RecNet, model: WatchedModel, neighbour: Locks
) -> None:
    network = await leave_open_window(recnet, model)
    await lease(recnet, network, neighbour)
    out = await recnet.network("tiny").interact(user="cid", positive="m2", negative="j1")
    assert out["window"] is None
    await neighbour.close()
    out = await recnet.network("tiny").interact(user="eve", positive="f2", negative="j1")
    assert out["window"] == 1
    assert await find_open_window(recnet, network) is None


async def test_while_another_process_is_at_the_update_the_set_goes_on_filling(
    recnet: RecNet, model: WatchedModel, neighbour: Locks
) -> None:
    network = await leave_open_window(recnet, model)
    await lease(recnet, network, neighbour)
    for user, positive in (("cid", "m2"), ("eve", "f2"), ("dot", "m3")):
        out = await recnet.network("tiny").interact(user=user, positive=positive, negative="j1")
        assert out["window"] is None
    assert len(await pending_set(recnet, network)) > NETWORK_SETTINGS.update_size
    assert not await recnet.network("tiny").update_routers()
    with pytest.raises(NetworkError, match="another process is working on a router update"):
        await recnet.network("tiny").train()
    await neighbour.close()
    assert await recnet.network("tiny").update_routers()
    assert not await recnet.network("tiny").update_routers()
    # The next commit claims all that has waited.
    waited = await pending_set(recnet, network)
    out = await recnet.network("tiny").interact(user="fay", positive="f3", negative="j1")
    assert out["window"] == 2
    (window,) = await rows(recnet, "SELECT members, done FROM windows WHERE id = 2")
    assert waited <= set(window["members"])
    assert window["done"]
    assert await pending_set(recnet, network) == set()


async def test_a_window_that_was_taken_over_goes_on_where_it_was(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    model.script = cut_once("Summarize")
    with pytest.raises(PowerCutError):
        await fill_window(recnet)
    before = await calls(recnet, network, "window 1")
    assert await recnet.network("tiny").update_routers()
    after = await calls(recnet, network, "window 1")
    assert after["extract"] == before["extract"] == NETWORK_SETTINGS.update_size
    assert await find_open_window(recnet, network) is None


@pytest.mark.parametrize("cut", ["Extract", "OptimizedRouter", "Summarize"])
async def test_a_run_whose_window_was_finished_by_another_ends_without_a_call(
    recnet: RecNet, model: WatchedModel, cut: str
) -> None:
    await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"tau": -1.0, "echo": True})
    )
    await recnet.network("tiny").train(limit=7)
    model.script = cut_once(cut)
    failed: dict[str, str] = {}
    for user, positive in (("cid", "m3"), ("eve", "f3"), ("dot", "m2"), ("ann", "j3")):
        record = {"user": user, "positive": positive, "negative": "j4"}
        try:
            await recnet.network("tiny").interact(id=user, **record)
        except PowerCutError:
            failed = record
            break
    assert failed
    model.script = decide_routers("split")  # so that no router is left that the failed run had read
    await recnet.network("tiny").interact(user="fay", positive="m1", negative="j4", id="next")
    assert await rows(recnet, "SELECT 1 FROM windows WHERE NOT done") == []
    digest, asked = await recnet.network("tiny").digest(), len(model.asked)
    for _ in range(2):
        out = await recnet.network("tiny").interact(id=failed["user"], **failed)
        assert out["failure"] == ""
    assert len(model.asked) == asked
    assert await recnet.network("tiny").digest() == digest


@pytest.mark.parametrize("skipped", ["extract_attributes", "restructure_routers"])
async def test_a_run_that_passed_over_a_node_never_commits_the_rest(
    recnet: RecNet,
    model: WatchedModel,
    neighbour: Locks,
    monkeypatch: pytest.MonkeyPatch,
    skipped: str,
) -> None:
    """Also where the run that took its window over fails at just that moment."""
    network = await leave_open_window(recnet, model)
    place, acquire = "", window_lease._acquire  # noqa: SLF001

    turn = asyncio.Lock()  # the sibling nodes of a fan-out must not renew the lease in between

    async def fails_meanwhile(step: Step, run: str, *, takes: bool) -> bool:
        nonlocal place
        node = get_config()["configurable"]["checkpoint_ns"].split("|")[-1].split(":")[0]
        async with turn:
            if node != skipped or place:
                return await acquire(step, run, takes=takes)
            # Its lease has expired since its last node, and another run has it.
            await window_lease.release_lease(step.resources.locks, run)
            await lease(recnet, network, neighbour)
            assert not await acquire(step, run, takes=takes)
            await neighbour.release("elsewhere")
            place = node
            return False

    monkeypatch.setattr(window_lease, "_acquire", fails_meanwhile)
    record = {"user": "bob", "positive": "j3", "negative": "m1"}
    for _ in range(2):
        await recnet.network("tiny").interact(id="live bob", **record)
    assert place == skipped
    left = await find_open_window(recnet, network)
    assert left is not None  # somebody else has to finish it, from its beginning
    before = (await calls(recnet, network, "window 1"))["extract"]
    assert await recnet.network("tiny").update_routers()
    assert (await calls(recnet, network, "window 1"))["extract"] == before + len(left.members)
    assert await find_open_window(recnet, network) is None


async def test_router_update_by_itself_needs_a_thread(recnet: RecNet, model: WatchedModel) -> None:
    await leave_open_window(recnet, model)
    with pytest.raises(InputError, match="needs a thread_id"):
        await router_update.graph.ainvoke({"window": 1}, context=NetworkContext(network="tiny"))
    assert await recnet.network("tiny").update_routers()


async def test_a_network_that_was_made_again_elsewhere_is_updated(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)
    stale = await recnet.network("tiny").record()
    await recnet.network("tiny").drop()
    await leave_open_window(recnet, model)
    recnet.resources.networks["tiny"] = stale
    assert await recnet.network("tiny").update_routers()


async def test_a_run_that_was_stopped_between_its_commit_and_the_update_holds_nothing(
    recnet: RecNet,
) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1")
    graph = interaction.graph.copy({"checkpointer": checkpointer(recnet.resources.pool)})
    stream = graph.astream(
        {"user": "bob", "positive": "j3", "negative": "m1", "interaction": "b"},
        {"configurable": {"thread_id": "elsewhere"}},
        context=NetworkContext(network="tiny"),
        durability="sync",
    )
    async for chunk in stream:
        if "backward" in chunk:
            break
    await cast("AsyncGenerator[object]", stream).aclose()
    left = await find_open_window(recnet, network)
    assert left is not None
    assert left.claimed_by == "b"
    assert not await is_leased(recnet, network, left)
    out = await recnet.network("tiny").interact(user="cid", positive="m2", negative="j1")
    assert out["window"] == left.id
    assert await find_open_window(recnet, network) is None


async def test_a_run_that_vanished_between_two_nodes_is_missed_after_a_while(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await leave_open_window(recnet, model)
    locks = recnet.resources.locks
    await lease(recnet, network, locks)
    with locks.keep("elsewhere", 0.5):
        pass  # the last node of a run that somebody stopped right after it
    assert not await recnet.network("tiny").update_routers()
    await asyncio.sleep(0.6)
    assert await recnet.network("tiny").update_routers()


async def test_two_runs_that_find_one_window_make_one_update(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await leave_open_window(recnet, model)
    model.asked.clear()
    await asyncio.gather(*(recnet.network("tiny").update_routers() for _ in range(4)))
    left = await find_open_window(recnet, network)
    assert left is None
    assert model.counts()["Extract"] <= NETWORK_SETTINGS.update_size + 2
    (done,) = await rows(recnet, "SELECT count(*) AS n FROM windows WHERE done")
    assert done["n"] == 1


async def test_one_identity_sent_several_times_at_once_is_paid_once(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1")
    model.asked.clear()
    record = {"user": "bob", "positive": "j3", "negative": "m1"}
    outs = await asyncio.gather(
        *(recnet.network("tiny").interact(id="b", **record) for _ in range(3))
    )
    assert sorted(out["repeated"] for out in outs) == [False, True, True]
    assert model.counts()["Predict"] == 1
    assert model.counts()["Extract"] == NETWORK_SETTINGS.update_size
    assert await find_open_window(recnet, network) is None


async def test_a_graph_that_is_run_without_a_thread_updates_too(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    for user, positive in LIVE_RECORDS:
        record = InteractionInput(user=user, positive=positive, negative="m1")
        out = await interaction.graph.ainvoke(record, context=NetworkContext(network="tiny"))
    assert out["window"] == 1
    assert await find_open_window(recnet, network) is None
