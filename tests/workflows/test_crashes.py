"""Runs that stop anywhere go on where they were: nothing twice, and the same network in the end."""

import re
from collections.abc import Sequence

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from prompts.llm.errors import BudgetExceeded
from state.errors import InputError
from state.store.windows import open_window
from tests.support.database_rows import calls, pending_set, thread_ids
from tests.support.interrupted_runs import ALONE, count_settled, has_open_window, unfinished
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, load_tiny
from tests.support.watched_model import PowerCutError, WatchedModel, cut_at_every_call, cut_once
from workflows.recnet import RecNet


async def learn(recnet: RecNet) -> bool:
    """Run one record; return whether it came through."""
    try:
        await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    except PowerCutError:
        return False
    return True


async def test_a_run_that_stops_between_nodes_repeats_no_finished_call(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    model.asked.clear()
    model.script = cut_once("Predict", "CreditAssignment", "OptimizedProfile")
    assert [await learn(recnet) for _ in range(4)] == [False, False, False, True]
    # Two profiles are rewritten side by side, so the sibling of the cut one was in flight.
    assert model.asked[:6] == ["Predict"] * 2 + ["CreditAssignment"] * 2 + ["OptimizedProfile"] * 2
    assert set(model.asked[6:]) <= {"OptimizedProfile"}
    assert len(model.asked) <= 8
    assert (await calls(recnet, network, "a")).total() == len(model.asked)


async def test_nothing_of_a_stopped_record_is_visible(recnet: RecNet, model: WatchedModel) -> None:
    network = await bootstrap_tiny(recnet)
    digest = await recnet.network("tiny").digest()
    model.script = cut_once("OptimizedProfile")
    assert not await learn(recnet)
    assert await recnet.network("tiny").digest() == digest
    assert await pending_set(recnet, network) == set()


async def test_a_stopped_record_keeps_its_identity(recnet: RecNet, model: WatchedModel) -> None:
    await bootstrap_tiny(recnet)
    model.script = cut_once("CreditAssignment")
    assert not await learn(recnet)
    with pytest.raises(InputError, match="'a' was begun with user 'ann'"):
        await recnet.network("tiny").interact(user="bob", positive="j2", negative="m1", id="a")
    assert await learn(recnet)


@pytest.mark.slow
async def test_a_training_run_that_stops_at_every_call_ends_the_same(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)
    other = (await (await recnet.network("tiny").copy("other")).record()).id
    model.asked.clear()
    await recnet.network("tiny").train(limit=8)
    undisturbed = model.counts()
    model.asked.clear()
    model.script = cut_at_every_call()
    cuts = 0
    async for left in unfinished(recnet, other, records=8):
        try:
            await recnet.network("other").train(limit=left, concurrency=1)
        except PowerCutError:
            cuts += 1
    assert cuts > 30
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    asked = model.counts()
    assert {reply: asked[reply] for reply in ALONE} == {r: 2 * undisturbed[r] for r in ALONE}
    assert asked.total() <= 2 * undisturbed.total() + cuts
    # Also a call whose run was cancelled under it is paid, even on its way to the model.
    assert asked.total() <= (await calls(recnet, other)).total() <= asked.total() + cuts


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"reception": "delivery", "tau": -1.0, "echo": True},
        {"reception": "delivery", "propagation": "em+lr+ls", "neighbours": 1},
    ],
    ids=["buffers", "on delivery", "from client to client"],
)
async def test_a_run_that_stops_at_every_checkpoint_ends_the_same(
    recnet: RecNet,
    model: WatchedModel,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, object],
) -> None:
    """Also right after a commit: its transaction is kept, and the checkpoint is missing."""
    network_settings = NETWORK_SETTINGS.model_copy(update=changed)
    await bootstrap_tiny(recnet, network_settings=network_settings)
    await recnet.network("tiny").train(limit=3)
    undisturbed = model.counts()
    other = await load_tiny(recnet, "other")
    model.asked.clear()
    power = Power(monkeypatch)
    founded = False
    while not founded:
        with power:
            await recnet.network("other").bootstrap(network_settings)
            founded = True
    async for left in unfinished(recnet, other, records=3):
        with power:
            await recnet.network("other").train(limit=left, concurrency=1)
    assert power.cuts > 40
    # What was cut from its deletion only is left: nobody goes on with it.
    assert await thread_ids(recnet) != set()
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    asked = model.counts()
    assert all(asked[reply] <= 3 * undisturbed[reply] for reply in ALONE)
    assert asked.total() <= (await calls(recnet, other)).total() <= asked.total() + power.cuts
    with power:
        await recnet.delete_finished_checkpoints()
    assert await thread_ids(recnet) == set()


async def test_a_spent_budget_stops_the_run_and_not_the_record(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    model.asked.clear()

    def spent(reply: str, text: str) -> str | None:  # noqa: ARG001
        raise BudgetExceeded("the budget is spent")

    await recnet.network("tiny").train(limit=1)
    once = model.counts()
    model.script = spent
    with pytest.raises(BudgetExceeded, match="spent"):
        await recnet.network("tiny").train()
    assert await count_settled(recnet, network) == 1
    model.script = cut_once()
    report = await recnet.network("tiny").train(limit=1)
    assert (report.run, report.failed) == (1, 0)
    assert model.counts()["Predict"] == 2 * once["Predict"] + 1


@pytest.mark.slow
async def test_a_router_update_that_stopped_is_finished_by_the_next_training(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").copy("other")
    await recnet.network("other").train(limit=4)
    model.script = cut_once("Extract")
    with pytest.raises(PowerCutError):
        await recnet.network("tiny").train(limit=4)
    async with recnet.resources.pool.connection() as conn:
        window = await open_window(conn, network)
    assert window is not None
    assert len(window.members) >= NETWORK_SETTINGS.update_size
    assert await count_settled(recnet, network) == 2
    report = await recnet.network("tiny").train(limit=0)
    assert (report.run, report.windows) == (0, 1)
    assert not await has_open_window(recnet, network)
    await recnet.network("tiny").train(limit=2)
    assert await recnet.network("tiny").digest() == await recnet.network("other").digest()


class Power:
    """Goes the first time a checkpoint is written, or a thread deleted, until the block is left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cuts = 0
        self._out = False
        self._seen: set[tuple[str, ...]] = set()
        put, put_writes = AsyncPostgresSaver.aput, AsyncPostgresSaver.aput_writes
        delete = AsyncPostgresSaver.adelete_thread

        async def aput(
            saver: AsyncPostgresSaver,
            config: RunnableConfig,
            checkpoint: Checkpoint,
            metadata: CheckpointMetadata,
            versions: ChannelVersions,
        ) -> RunnableConfig:
            self._use(config, "checkpoint", *sorted(versions))
            return await put(saver, config, checkpoint, metadata, versions)

        async def aput_writes(
            saver: AsyncPostgresSaver,
            config: RunnableConfig,
            writes: Sequence[tuple[str, object]],
            task_id: str,
            task_path: str = "",
        ) -> None:
            self._use(config, "writes", task_path, *(channel for channel, _ in writes))
            await put_writes(saver, config, writes, task_id, task_path)

        async def adelete_thread(saver: AsyncPostgresSaver, thread_id: str) -> None:
            self._use({"configurable": {"thread_id": thread_id}}, "deleted")
            await delete(saver, thread_id)

        monkeypatch.setattr(AsyncPostgresSaver, "adelete_thread", adelete_thread)
        monkeypatch.setattr(AsyncPostgresSaver, "aput", aput)
        monkeypatch.setattr(AsyncPostgresSaver, "aput_writes", aput_writes)

    def __enter__(self) -> None:
        self._out = False

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, PowerCutError)

    def _use(self, config: RunnableConfig, *what: str) -> None:
        place = config["configurable"]
        # Ids of tasks change from run to run; names do not.
        namespace = re.sub(r":[^|]*", "", place.get("checkpoint_ns", ""))
        key = (place["thread_id"], namespace, *what)
        if not self._out and key not in self._seen:
            self._seen.add(key)
            self._out = True
            self.cuts += 1
        if self._out:
            raise PowerCutError(*key)
