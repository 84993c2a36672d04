"""A job of the tables and its result."""

from evals.candidates import Negatives
from evals.paper.design import Variant
from evals.paper.jobs import load_base
from evals.paper.results import Cost, Job, Result
from evals.ranking import RankingResult
from state.dataset import Dataset, Split
from workflows.recnet import RecNet

JOB = Job(
    base="eval/harbour/offline/seed 0",
    variant=Variant(name="EM", settings={"propagation": "none"}),
    seed=0, split=Split.TEST, draws=3, records=None,
)  # fmt: skip
COST = Cost(
    records=3, reward=1.0, calls=9, bootstrap_calls=4, tokens=99, updates=1, seconds=1.5,
    ranking_calls=1,
)  # fmt: skip


def result(job: Job = JOB) -> Result:
    ranking = RankingResult(
        ranker=job.variant.name, split=Split.TEST, negatives=Negatives.SAMPLED, size=10,
        ranks={"ann": (1,)},
    )  # fmt: skip
    return Result(
        job=job, digest="d", cost=COST, rewards={"ann": 1}, rankings=(ranking,), program="recnet",
    )  # fmt: skip


async def bootstrap_base(recnet: RecNet, dataset: Dataset, seed: int) -> str:
    """Load and bootstrap a data set with a seed; return the network's name."""
    base = await load_base(recnet, dataset, seed)
    await recnet.network(base.name).bootstrap(base.settings)
    return base.name
