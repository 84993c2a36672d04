"""One job: what is learned, and what a second go at it adds."""

import pytest

from evals.experiments.design import RECNET
from evals.experiments.jobs import Job
from evals.experiments.runner import found_base
from evals.experiments.worker import do
from evals.planted import plant
from evals.planted_world import items_for
from state.dataset import Dataset, Split
from workflows.recnet import RecNet
from workflows.training import train

READERS = 12


@pytest.fixture
def world() -> Dataset:
    """Return a planted world that is learned in a second."""
    return plant(3, users=READERS, items=items_for(READERS))


def job(base: str, **more: object) -> Job:
    """Return RecNet's job on a base, learning from few records, with some fields set otherwise."""
    few = Job(base=base, variant=RECNET, seed=0, split=Split.TEST, draws=1, records=6)
    return few.model_copy(update=more)


async def test_a_job_learns_so_many_records_however_often_it_is_begun(
    recnet: RecNet, world: Dataset
) -> None:
    asked = job(await found_base(recnet, world, 0))
    await recnet.copy(asked.base, asked.network, {})
    await train(recnet, asked.network, limit=4)
    first = await do(recnet, asked)
    assert first.cost.records == 6
    again = await do(recnet, asked)
    assert (again.cost.records, again.digest) == (6, first.digest)
