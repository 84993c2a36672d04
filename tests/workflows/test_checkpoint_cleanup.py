"""Collection deletes what nobody goes on from, and nothing that a run needs, whenever it comes."""

import json
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from typer.testing import CliRunner, Result

from evals.cli import app
from state.db.checkpoints import checkpointer
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput
from state.store.interactions import find_interaction
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
from workflows.checkpoint_cleanup import collect
from workflows.recnet import RecNet

RECORD = {"user": "ann", "positive": "j2", "negative": "m1"}
STUDIO = "8c0a35f2-5d2b-4b8e-9f0a-0f7f9b7d3c11"


async def in_studio(recnet: RecNet) -> dict[str, Any]:
    """Run a record on a thread of the Agent Server, and return the thread's state."""
    graph = interaction.graph.copy({"checkpointer": checkpointer(recnet.resources.pool)})
    config: RunnableConfig = {"configurable": {"thread_id": STUDIO}}
    context = NetworkContext(network="tiny")
    record = InteractionInput(user="eve", positive="f2", negative="j1", interaction="studio")
    with recnet.resources.bound():
        await graph.ainvoke(record, config, context=context, durability="sync")
    return (await graph.aget_state(config)).values


async def orphan(recnet: RecNet, thread: str) -> None:
    """Leave the rows of a network that was dropped while a run was on it."""
    await rows(
        recnet,
        "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob) "
        "VALUES (%s, '1', '1', 0, 'clients', '') RETURNING 1",
        thread,
    )


@pytest.mark.slow
async def test_only_unfinished_runs_and_those_of_the_server_are_left(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(keeping(recnet))
    old = keeping(recnet)
    await old.network("tiny").train(limit=2)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    assert (await old.network("tiny").interact(id="failed", **RECORD))["failure"]
    model.script = cut_once("CreditAssignment")
    with pytest.raises(PowerCutError):
        await old.network("tiny").interact(id="stopped", **RECORD)
    with pytest.raises(InputError):
        await old.network("tiny").interact(id="refused", **RECORD | {"user": "zed"})
    for thread in ("recnet/2147483647/a", f"recnet/{network}/stopped/too", "recnet/mine"):
        await orphan(recnet, thread)
    state = await in_studio(recnet)
    digest = await recnet.network("tiny").digest()
    stopped = f"recnet/{network}/stopped"

    report = await collect(recnet)
    # The bootstrap, two learned, one failed, one refused, and the two without a checkpoint.
    assert (report.deleted, report.kept, report.pruned) == (7, (stopped,), 0)
    assert report.server == (STUDIO, "recnet/mine")
    assert await thread_ids(recnet) == {stopped, STUDIO, "recnet/mine"}
    assert all(report.after[table].rows < held.rows for table, held in report.before.items())
    model.asked.clear()
    assert not (await recnet.network("tiny").interact(id="stopped", **RECORD))["repeated"]
    assert "Predict" not in model.asked
    again = await collect(recnet, full=True)
    assert (again.deleted, again.kept) == (0, ())
    assert sum(held.bytes for held in again.after.values()) < 1_000_000

    report = await collect(recnet, server=True)
    assert (report.deleted, report.pruned) == (0, 2)
    kept = await rows(recnet, "SELECT checkpoint_ns FROM checkpoints")
    assert [row["checkpoint_ns"] for row in kept] == [""]
    graph = interaction.graph.copy({"checkpointer": checkpointer(recnet.resources.pool)})
    found_again = await graph.aget_state({"configurable": {"thread_id": STUDIO}})
    assert found_again.values == state
    assert found_again.next == ()
    assert await recnet.network("tiny").digest() != digest  # by the record that went on


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
        assert (await collect(recnet)).kept == (mine,)
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
    assert (await collect(recnet)).kept == (f"recnet/{network}/a",)
    model.asked.clear()
    assert not (await recnet.network("tiny").interact(id="a", **RECORD))["failure"]
    assert "Predict" not in model.asked


@pytest.mark.slow
async def test_runs_that_are_collected_and_stopped_at_every_call_end_the_same(
    recnet: RecNet, model: WatchedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    other = (await (await recnet.network("tiny").copy("other")).record()).id
    model.asked.clear()
    await recnet.network("tiny").train(limit=6)
    undisturbed = model.counts()
    model.asked.clear()
    model.script = cut_at_every_call()
    ask = recnet.resources.caller.ask

    async def collected(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        await collect(recnet)
        return await ask(*args, **kwargs)

    monkeypatch.setattr(recnet.resources.caller, "ask", collected)
    async for left in unfinished(recnet, other, records=6):
        with suppress(PowerCutError):
            await recnet.network("other").train(limit=left, concurrency=1)
        await collect(recnet)
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    asked = model.counts()
    assert {reply: asked[reply] for reply in ALONE} == {r: 2 * undisturbed[r] for r in ALONE}
    assert (await collect(recnet)).kept == ()


async def test_a_run_that_is_collected_while_it_begins_goes_on_where_it_was(
    recnet: RecNet, model: WatchedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    deleted = []

    async def collected(*args: Any) -> Any:  # noqa: ANN401
        deleted.append((await collect(recnet)).deleted)
        return await find_interaction(*args)

    model.script = cut_once("CreditAssignment")
    with monkeypatch.context() as patch:
        patch.setattr("nodes.lifecycle.find_interaction", collected)
        with pytest.raises(PowerCutError):
            await recnet.network("tiny").interact(id="a", **RECORD)
    assert deleted == [1]
    model.asked.clear()
    assert not (await recnet.network("tiny").interact(id="a", **RECORD))["failure"]
    assert "Predict" not in model.asked


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
async def kept(recnet: RecNet) -> None:
    await bootstrap_tiny(keeping(recnet))
    await in_studio(recnet)


@pytest.mark.usefixtures("kept")
def test_the_command_says_what_it_did() -> None:
    said = run("gc").stdout
    assert "our threads: 1 deleted, 0 kept to go on from\n" in said
    assert f"threads of the Agent Server: {STUDIO}\n" in said
    assert "they stay as they are; `recnet gc --server` cuts them to their last" in said
    report = json.loads(run("gc", "--full", "--server", "--json").stdout)
    assert (report["deleted"], report["kept"], report["server"]) == (0, [], [STUDIO])
    assert report["pruned"] == 1
    assert set(report["after"]["checkpoints"]) == {"rows", "bytes"}
    assert report["after"]["checkpoints"]["rows"] == 1
