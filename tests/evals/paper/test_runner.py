"""Jobs in processes of their own: one that fails keeps no other from being done."""

import asyncio
from pathlib import Path

import pytest

from evals.paper.design import UNTRAINED, Variant
from evals.paper.jobs import Job, Results
from evals.paper.runner import do_jobs, found_base
from evals.planted.dataset import plant
from evals.planted.world import items_for
from prompts.llm.errors import BudgetExceeded
from state.dataset import Split
from state.errors import RecNetError
from tests.support.model_server.serving import serving
from tests.support.model_server.settings import ModelServerSettings
from workflows.recnet import RecNet

pytestmark = pytest.mark.long


async def three_jobs(recnet: RecNet) -> list[Job]:
    """Return two jobs that fail, one for each kind of error, and one that does not."""
    base = await found_base(recnet, plant(3, users=12, items=items_for(12)), 0)
    good = Job(base=base, variant=UNTRAINED, seed=0, split=Split.TEST, draws=1, records=None)
    unknown = good.model_copy(update={"base": "nowhere"})
    wrong = good.model_copy(update={"variant": Variant(name="x", settings={"buffer": "many"})})
    return [unknown, wrong, good]


async def test_a_job_that_fails_keeps_no_other_from_being_done(
    recnet: RecNet, tmp_path: Path
) -> None:
    jobs, kept = await three_jobs(recnet), Results(tmp_path)
    told: list[tuple[int, int]] = []
    with pytest.raises(RecNetError, match=r"^2 of 3 networks failed, .*: nowhere/") as failed:
        await do_jobs(jobs, 1, "offline", kept, lambda *done: told.append(done))
    assert "no network 'nowhere'" in str(failed.value)
    assert [kept.find(job) is not None for job in jobs] == [False, False, True]
    assert told == [(0, 3), (1, 3)]


async def test_a_spent_budget_is_told_as_one(
    recnet: RecNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, good = await three_jobs(recnet)
    monkeypatch.setenv("RECNET_BUDGET_CALLS", "3")
    with pytest.raises(BudgetExceeded, match="the budget of 3 model calls is spent"):
        await do_jobs([good], 1, "offline", Results(tmp_path), lambda *_: None)


async def test_only_the_first_cancellation_waits_for_calls_under_way(
    recnet: RecNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, good = await three_jobs(recnet)
    with serving(ModelServerSettings(latency=600)) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        jobs = do_jobs([good], 1, "openai:offline", Results(tmp_path), lambda *_: None)
        work = asyncio.create_task(jobs)
        while not endpoint.counts.asked:
            await asyncio.sleep(0.05)
            assert not work.done()
        work.cancel()
        await asyncio.wait([work], timeout=3)
        assert not work.done()
        work.cancel()
        await asyncio.wait([work], timeout=30)
    assert work.cancelled()
