"""A job of the tables and its result."""

from evals.candidates import Negatives
from evals.paper.design import Variant
from evals.paper.jobs import Cost, Job, Result
from evals.ranking import RankingResult
from state.dataset import Split

JOB = Job(
    base="eval/harbour/offline/seed 0",
    variant=Variant(name="EM", settings={"propagation": "none"}),
    seed=0, split=Split.TEST, draws=3, records=None,
)  # fmt: skip
COST = Cost(
    records=3, failed=0, reward=1.0, calls=9, kept=0, founding=4, tokens=99, updates=1, seconds=1.5,
    at_once=1,
)  # fmt: skip


def result(job: Job = JOB) -> Result:
    reading = RankingResult(
        method=job.variant.name, split=Split.TEST, negatives=Negatives.SAMPLED, size=10,
        ranks={"ann": (1,)},
    )  # fmt: skip
    return Result(
        job=job, digest="d", cost=COST, rewards={"ann": 1}, readings=(reading,),
        ranking_calls=1, ranking_kept=0, ranking_tokens=1, missing=0, dropped=0, failed=0,
        program="recnet",
    )  # fmt: skip
