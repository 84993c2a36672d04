"""One job: what is learned, what it took, and what a second go at it adds."""

import pytest

from evals.paper.design import AGENTCF, RECNET, UNTRAINED, ablation
from evals.paper.jobs import Job
from evals.paper.runner import found_base
from evals.paper.worker import do
from evals.planted.dataset import plant
from evals.planted.world import items_for
from nodes.step import BOOTSTRAP
from prompts.llm.errors import BudgetExceeded
from state.dataset import Dataset, Split
from state.domain import Call
from state.settings import Settings
from state.store.interactions import list_interactions
from state.store.usage import add_usage, sum_usage
from workflows.recnet import RecNet

READERS = 12


@pytest.fixture
def world() -> Dataset:
    """Return a planted world that is learned in a second."""
    return plant(3, users=READERS, items=items_for(READERS))


def job(base: str, **more: object) -> Job:
    """Return RecNet's job on a base, learning from few records, with some fields set otherwise."""
    few = Job(base=base, variant=RECNET, seed=0, split=Split.TEST, draws=1, records=6)
    return few.model_copy(update=more)


@pytest.mark.long
async def test_a_job_learns_so_many_records_however_often_it_is_begun(
    recnet: RecNet, world: Dataset
) -> None:
    asked = job(await found_base(recnet, world, 0))
    await recnet.network(asked.base).copy(asked.network)
    await recnet.network(asked.network).train(limit=4)
    first = await do(recnet, asked)
    assert first.cost.records == 6
    again = await do(recnet, asked)
    assert (again.cost.records, again.digest) == (6, first.digest)


@pytest.mark.long
async def test_the_bootstrap_counts_where_routers_are_learned_with(
    recnet: RecNet, world: Dataset
) -> None:
    base = await found_base(recnet, world, 0)
    async with recnet.resources.pool.connection() as conn:
        totals = await sum_usage(conn, (await recnet.network(base).record()).id, by="interaction")
    (paid,) = [total.calls for total in totals if total.name == BOOTSTRAP]
    founding = {
        variant.name: (await do(recnet, job(base, variant=variant, records=1))).cost.founding
        for variant in (RECNET, ablation("no propagation"), ablation("EM"), AGENTCF, UNTRAINED)
    }
    assert paid > 0
    assert list(founding.values()) == [paid, paid, 0, 0, 0]


@pytest.mark.long
async def test_the_calls_of_ranking_are_no_calls_of_learning(
    recnet: RecNet, world: Dataset
) -> None:
    asked = job(await found_base(recnet, world, 0))
    first = await do(recnet, asked)
    report = await recnet.network(asked.network).train(limit=0)
    assert first.ranking_tokens > 0
    assert report.input_tokens + report.output_tokens == first.cost.tokens
    assert report.calls + report.update_calls == first.cost.calls
    again = await do(recnet, asked)  # after rankings
    assert again.cost == first.cost.model_copy(update={"seconds": None})


@pytest.mark.long
async def test_replies_that_were_kept_are_told_apart(recnet: RecNet, world: Dataset) -> None:
    asked = job(await found_base(recnet, world, 0), records=1)
    first = await do(recnet, asked)
    network = await recnet.network(asked.network).record()
    async with recnet.resources.pool.connection() as conn:
        (record,) = await list_interactions(conn, network.id)
        kept = Call(prompt="merge", model="offline", attempts=0, cached=True, outcome="ok")
        await add_usage(conn, None, network.id, record.id, kept)
    again = await do(recnet, asked)
    assert (first.cost.kept, again.cost.kept) == (0, 1)
    assert again.cost.calls == first.cost.calls


@pytest.mark.long
async def test_what_is_half_learned_is_not_read(
    recnet: RecNet, world: Dataset, settings: Settings
) -> None:
    asked = job(await found_base(recnet, world, 0))
    poor = settings.model_copy(update={"budget_calls": 12})
    async with RecNet.open(poor) as limited:
        with pytest.raises(BudgetExceeded, match="the budget of 12 model calls is spent"):
            await do(limited, asked)
    result = await do(recnet, asked)
    assert (result.cost.records, result.cost.seconds) == (6, None)
