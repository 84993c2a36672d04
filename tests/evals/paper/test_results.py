"""Results are kept whole, one a network, under whatever name a table asks for it."""

from pathlib import Path

from evals.paper.design import Variant
from evals.paper.results import Results, write_whole
from state.dataset import Split
from tests.support.paper_jobs import JOB, result


def test_a_result_is_found_by_what_was_done_whatever_it_is_called(tmp_path: Path) -> None:
    kept = Results(tmp_path)
    kept.keep(result())
    other = JOB.model_copy(update={"variant": JOB.variant.model_copy(update={"name": "w/o CPR"})})
    assert kept.find(JOB) == result()
    found = kept.find(other)
    assert found is not None
    assert (found.job, found.rankings[0].ranker) == (other, "w/o CPR")
    assert other.network == JOB.network


def test_other_settings_seeds_splits_and_records_are_other_networks(tmp_path: Path) -> None:
    kept = Results(tmp_path)
    kept.keep(result())
    others = [
        JOB.model_copy(update={"variant": Variant(name="EM", settings={"echo": True})}),
        JOB.model_copy(update={"variant": Variant(name="EM", trainer="none")}),
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
