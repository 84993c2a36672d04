"""Jobs: what is trained, what it took, what a second run adds, and how several run together."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from pydantic import SecretStr

from evals.paper.design import AGENTCF, RECNET, UNTRAINED, Variant, ablation
from evals.paper.jobs import run_job, run_jobs
from evals.paper.results import Job, Result, Results
from evals.planted.world import World, items_for, plant_world
from nodes.step import BOOTSTRAP
from prompts.llm.errors import BudgetExceeded
from state.dataset import Dataset, Split
from state.domain import Call
from state.errors import RecNetError
from state.settings import Settings
from state.store.interactions import list_interactions
from state.store.usage import add_usage, sum_usage
from tests.support.model_server.serving import serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.paper_jobs import bootstrap_base
from workflows.commands.signals import StoppedError, stoppable
from workflows.recnet import RecNet

READERS = 12


@pytest.fixture
def world() -> Dataset:
    """Return a planted world that is learned in a second."""
    return plant_world(World(seed=3, users=READERS, items=items_for(READERS))).dataset


def job(base: str, **more: object) -> Job:
    """Return RecNet's job on a base, learning from few records, with some fields set otherwise."""
    few = Job(base=base, variant=RECNET, seed=0, split=Split.TEST, draws=1, records=6)
    return few.model_copy(update=more)


@pytest.mark.slow
async def test_a_job_learns_so_many_records_however_often_it_is_begun(
    recnet: RecNet, world: Dataset
) -> None:
    asked = job(await bootstrap_base(recnet, world, 0))
    await recnet.network(asked.base).copy(asked.network)
    await recnet.network(asked.network).train(limit=4)
    first = await run_job(recnet, asked)
    assert first.cost.records == 6
    again = await run_job(recnet, asked)
    assert (again.cost.records, again.digest) == (6, first.digest)


@pytest.mark.slow
async def test_the_bootstrap_counts_where_routers_are_learned_with(
    recnet: RecNet, world: Dataset
) -> None:
    base = await bootstrap_base(recnet, world, 0)
    async with recnet.resources.pool.connection() as conn:
        totals = await sum_usage(conn, (await recnet.network(base).record()).id, by="interaction")
    (paid,) = [total.calls for total in totals if total.name == BOOTSTRAP]
    bootstrap = {
        variant.name: (
            await run_job(recnet, job(base, variant=variant, records=1))
        ).cost.bootstrap_calls
        for variant in (RECNET, ablation("no propagation"), ablation("EM"), AGENTCF, UNTRAINED)
    }
    assert paid > 0
    assert list(bootstrap.values()) == [paid, paid, 0, 0, 0]


@pytest.mark.slow
async def test_the_calls_of_ranking_are_no_calls_of_learning(
    recnet: RecNet, world: Dataset
) -> None:
    asked = job(await bootstrap_base(recnet, world, 0))
    first = await run_job(recnet, asked)
    report = await recnet.network(asked.network).train(limit=0)
    assert first.cost.ranking_calls > 0
    assert report.input_tokens + report.output_tokens == first.cost.tokens
    assert report.calls + report.update_calls == first.cost.calls
    again = await run_job(recnet, asked)  # after rankings
    assert again.cost == first.cost.model_copy(update={"seconds": None})


@pytest.mark.slow
async def test_replies_that_were_kept_are_told_apart(recnet: RecNet, world: Dataset) -> None:
    asked = job(await bootstrap_base(recnet, world, 0), records=1)
    first = await run_job(recnet, asked)
    network = await recnet.network(asked.network).record()
    async with recnet.resources.pool.connection() as conn:
        (record,) = await list_interactions(conn, network.id)
        kept = Call(prompt="merge", model="offline", attempts=0, cached=True, outcome="ok")
        await add_usage(conn, None, network.id, record.id, kept)
    again = await run_job(recnet, asked)
    assert (first.cost.cached, again.cost.cached) == (0, 1)
    assert again.cost.calls == first.cost.calls


@pytest.mark.slow
async def test_what_is_half_learned_is_not_read(
    recnet: RecNet, world: Dataset, settings: Settings
) -> None:
    asked = job(await bootstrap_base(recnet, world, 0))
    poor = settings.model_copy(update={"budget_calls": 12})
    async with RecNet.open(poor) as limited:
        with pytest.raises(BudgetExceeded, match="the budget of 12 model calls is spent"):
            await run_job(limited, asked)
    result = await run_job(recnet, asked)
    assert (result.cost.records, result.cost.seconds) == (6, None)


async def three_jobs(recnet: RecNet) -> list[Job]:
    """Return two jobs that fail, one for each kind of error, and one that does not."""
    dataset = plant_world(World(seed=3, users=12, items=items_for(12))).dataset
    base = await bootstrap_base(recnet, dataset, 0)
    good = Job(base=base, variant=UNTRAINED, seed=0, split=Split.TEST, draws=1, records=None)
    unknown = good.model_copy(update={"base": "nowhere"})
    wrong = good.model_copy(update={"variant": Variant(name="x", settings={"buffer_size": "many"})})
    return [unknown, wrong, good]


@pytest.mark.slow
async def test_a_job_that_fails_keeps_no_other_from_being_done(
    recnet: RecNet, tmp_path: Path
) -> None:
    jobs, kept = await three_jobs(recnet), Results(tmp_path)
    told: list[tuple[int, int]] = []
    with pytest.raises(RecNetError, match=r"^2 of 3 networks failed, .*: nowhere/") as failed:
        await run_jobs(recnet, jobs, 1, kept, lambda *done: told.append(done))
    assert "no network 'nowhere'" in str(failed.value)
    assert [kept.find(job) is not None for job in jobs] == [False, False, True]
    assert told == [(0, 3), (1, 3)]


@pytest.mark.slow
async def test_a_spent_budget_is_told_as_one(
    recnet: RecNet, settings: Settings, tmp_path: Path
) -> None:
    *_, good = await three_jobs(recnet)
    async with RecNet.open(settings.model_copy(update={"budget_calls": 3})) as limited:
        with pytest.raises(BudgetExceeded, match="the budget of 3 model calls is spent"):
            await run_jobs(limited, [good], 1, Results(tmp_path), lambda *_: None)


@pytest.mark.slow
async def test_networks_trained_together_are_those_trained_alone(
    recnet: RecNet, world: Dataset, tmp_path: Path
) -> None:
    base = await bootstrap_base(recnet, world, 0)
    variants = (RECNET, AGENTCF, ablation("no propagation"), UNTRAINED)
    jobs = [job(base, variant=variant) for variant in variants]
    first = await run_jobs(recnet, jobs, 4, Results(tmp_path / "a"), lambda *_: None)
    for one in jobs:
        await recnet.network(one.network).drop()
    second = await run_jobs(recnet, jobs, 1, Results(tmp_path / "b"), lambda *_: None)

    def counted(result: Result) -> tuple[object, ...]:
        ranks = [ranking.ranks for ranking in result.rankings]
        cost = result.cost.model_copy(update={"seconds": None, "concurrency": 0})
        return result.digest, ranks, cost

    assert [counted(one) for one in first] == [counted(one) for one in second]
    assert [one.cost.concurrency for one in (first[0], second[0])] == [4, 1]


@pytest.mark.slow
async def test_only_the_first_signal_waits_for_calls_under_way(
    recnet: RecNet, settings: Settings, tmp_path: Path
) -> None:
    *_, good = await three_jobs(recnet)
    said: list[str] = []
    with serving(ModelServerSettings(latency=600)) as endpoint:
        reached: dict[str, object] = {
            "model": "openai:offline", "base_url": endpoint.url, "api_key": SecretStr("any"),
        }  # fmt: skip
        async with RecNet.open(settings.model_copy(update=reached)) as slow:

            async def work() -> None:
                async with stoppable(slow.resources.limiter, said.append):
                    await run_jobs(slow, [good], 1, Results(tmp_path), lambda *_: None)

            task = asyncio.create_task(work())
            try:
                while not endpoint.counts.asked:
                    await asyncio.sleep(0.05)
                    assert not task.done()
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.wait([task], timeout=3)
                assert (task.done(), len(said)) == (False, 1)
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.wait([task], timeout=30)
            finally:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            assert isinstance(task.exception(), StoppedError)
