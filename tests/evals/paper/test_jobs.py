"""Results are kept whole, one a network, under whatever name a table asks for it."""

from pathlib import Path

from evals.candidates import Negatives
from evals.paper.design import Variant
from evals.paper.jobs import Cost, Job, Result, Results, write_whole
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


def test_a_result_is_found_by_what_was_done_whatever_it_is_called(tmp_path: Path) -> None:
    kept = Results(tmp_path)
    kept.keep(result())
    other = JOB.model_copy(update={"variant": JOB.variant.model_copy(update={"name": "w/o CPR"})})
    assert kept.find(JOB) == result()
    found = kept.find(other)
    assert found is not None
    assert (found.job, found.readings[0].method) == (other, "w/o CPR")
    assert other.network == JOB.network


def test_other_settings_seeds_splits_and_records_are_other_networks(tmp_path: Path) -> None:
    kept = Results(tmp_path)
    kept.keep(result())
    others = [
        JOB.model_copy(update={"variant": Variant(name="EM", settings={"echo": True})}),
        JOB.model_copy(update={"variant": Variant(name="EM", learner="nobody")}),
        JOB.model_copy(update={"base": "eval/harbour/offline/seed 1"}),
        JOB.model_copy(update={"split": Split.VALID}),
        JOB.model_copy(update={"records": 5}),
    ]
    assert all(kept.find(job) is None for job in others)
    assert len({job.network for job in (JOB, *others)}) == 6


def test_a_file_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    kept = Results(tmp_path)
    write_whole(kept.path(JOB), '{"half":')
    assert kept.find(JOB) is None
    kept.keep(result())
    assert kept.find(JOB) is not None
    assert [path.suffix for path in kept.path(JOB).parent.iterdir()] == [".json"]
