"""Checkpoint cleanup deletes what no run needs, and nothing else, whenever it runs."""

from contextlib import suppress
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from state.db.checkpoints import checkpointer
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput
from state.store.interactions import find_interaction
from tests.support.commands import run_command, run_json
from tests.support.database_rows import calls, keeping, rows, thread_ids
from tests.support.interrupted_runs import ALONE, find_open_window, leave_open_window, unfinished
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import (
    BAD,
    PowerCutError,
    WatchedModel,
    cut_at_every_call,
    cut_once,
)
from workflows import interaction
from workflows.recnet import RecNet

RECORD = {"user": "ann", "positive": "j2", "negative": "m1"}
STUDIO = "8c0a35f2-5d2b-4b8e-9f0a-0f7f9b7d3c11"


async def in_studio(recnet: RecNet) -> None:
    """Run a record on a thread of the Agent Server."""
    graph = interaction.graph.copy({"checkpointer": checkpointer(recnet.resources.pool)})
    config: RunnableConfig = {"configurable": {"thread_id": STUDIO}}
    context = NetworkContext(network="tiny")
    record = InteractionInput(user="eve", positive="f2", negative="j1", interaction="studio")
    with recnet.resources.bound():
        await graph.ainvoke(record, config, context=context, durability="sync")


async def orphan(recnet: RecNet, thread: str) -> None:
    """Leave the rows of a network that was dropped while a run was on it."""
    await rows(
        recnet,
        "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob) "
        "VALUES (%s, '1', '1', 0, 'clients', '') RETURNING 1",
        thread,
    )


@pytest.mark.slow
async def test_only_resumable_runs_and_those_of_the_server_keep_checkpoints(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(keeping(recnet))
    old = keeping(recnet).network("tiny")
    await old.train(limit=2)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    assert (await old.interact(id="failed", **RECORD))["failure"]
    model.script = cut_once("CreditAssignment")
    with pytest.raises(PowerCutError):
        await old.interact(id="stopped", **RECORD)
    for thread in ("recnet/2147483647/a", "recnet/mine"):
        await orphan(recnet, thread)
    await in_studio(recnet)
    resumable = {f"recnet/{network}/stopped", f"recnet/{network}/failed"}

    cleanup = await recnet.delete_finished_checkpoints()
    # The bootstrap, two learned records, and one of a network that was dropped.
    assert (cleanup.deleted, cleanup.kept) == (4, 2)
    assert await thread_ids(recnet) == resumable | {STUDIO, "recnet/mine"}
    model.asked.clear()
    assert not (await recnet.network("tiny").interact(id="stopped", **RECORD))["repeated"]
    assert "Predict" not in model.asked
    assert (await recnet.network("tiny").retry()).learned == 1
    cleanup = await recnet.delete_finished_checkpoints()
    assert (cleanup.deleted, cleanup.kept) == (0, 0)
    assert await thread_ids(recnet) == {STUDIO, "recnet/mine"}


async def test_a_window_that_waits_for_its_run_keeps_the_thread(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await leave_open_window(keeping(recnet), model)
    mine = f"recnet/{network}/live bob"
    # Also before it was at the window, and whoever's commit claimed that.
    for thread, claimed_by in (("", "live ann"), ("", "live bob"), (mine, "live ann")):
        await rows(
            recnet,
            "UPDATE windows SET thread_id = %s, claimed_by = %s RETURNING 1",
            thread,
            claimed_by,
        )
        await recnet.delete_finished_checkpoints()
        assert mine in await thread_ids(recnet)
    assert await thread_ids(recnet) == {mine}
    before = (await calls(recnet, network, "window 1"))["extract"]
    assert await recnet.network("tiny").update_routers()
    after = (await calls(recnet, network, "window 1"))["extract"]
    assert before < after < before + NETWORK_SETTINGS.update_size + 1
    assert await find_open_window(recnet, network) is None
    assert await thread_ids(recnet) == set()


async def test_a_failed_record_that_was_stopped_when_it_was_run_again_keeps_its_thread(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    assert (await keeping(recnet).network("tiny").interact(id="a", **RECORD))["failure"]
    model.script = cut_once("CreditAssignment")
    with pytest.raises(PowerCutError):
        await recnet.network("tiny").interact(id="a", **RECORD)
    await recnet.delete_finished_checkpoints()
    assert await thread_ids(recnet) == {f"recnet/{network}/a"}
    model.asked.clear()
    assert not (await recnet.network("tiny").interact(id="a", **RECORD))["failure"]
    assert "Predict" not in model.asked


@pytest.mark.slow
async def test_runs_cleaned_up_and_stopped_at_every_call_end_the_same(
    recnet: RecNet, model: WatchedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    other = (await (await recnet.network("tiny").copy("other")).record()).id
    model.asked.clear()
    await recnet.network("tiny").train(limit=6)
    undisturbed = model.counts()
    model.asked.clear()
    model.script = cut_at_every_call()
    ask = recnet.resources.model_client.ask

    async def cleaned_up(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        await recnet.delete_finished_checkpoints()
        return await ask(*args, **kwargs)

    monkeypatch.setattr(recnet.resources.model_client, "ask", cleaned_up)
    async for left in unfinished(recnet, other, records=6):
        with suppress(PowerCutError):
            await recnet.network("other").train(limit=left, concurrency=1)
        await recnet.delete_finished_checkpoints()
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    asked = model.counts()
    assert {reply: asked[reply] for reply in ALONE} == {r: 2 * undisturbed[r] for r in ALONE}
    assert (await recnet.delete_finished_checkpoints()).kept == 0


async def test_a_run_whose_checkpoints_are_cleaned_up_while_it_begins_resumes(
    recnet: RecNet, model: WatchedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    cleanups = []

    async def cleaned_up(*args: Any) -> Any:  # noqa: ANN401
        cleanups.append(await recnet.delete_finished_checkpoints())
        return await find_interaction(*args)

    model.script = cut_once("CreditAssignment")
    with monkeypatch.context() as patch:
        patch.setattr("nodes.lifecycle.find_interaction", cleaned_up)
        with pytest.raises(PowerCutError):
            await recnet.network("tiny").interact(id="a", **RECORD)
    assert [(one.deleted, one.kept) for one in cleanups] == [(0, 1)]
    model.asked.clear()
    assert not (await recnet.network("tiny").interact(id="a", **RECORD))["failure"]
    assert "Predict" not in model.asked


@pytest.fixture
async def kept(recnet: RecNet) -> None:
    await bootstrap_tiny(keeping(recnet))
    await in_studio(recnet)


@pytest.mark.usefixtures("kept")
def test_the_command_prints_what_it_deleted() -> None:
    assert (
        run_command("gc").stdout
        == "deleted the checkpoints of 1 finished run, kept those of 0 others\n"
    )
    assert run_json("gc") == {"deleted": 0, "kept": 0}
