"""Titles and files of tables: short, readable, and none for two tables."""

import pytest

from evals.paper.experiment import Plan
from evals.paper.naming import mark, stem, title
from state.dataset import Split
from state.settings import Settings
from tests.support.paper_jobs import JOB, result
from tests.support.tiny_network import tiny_dataset

USUAL = Plan()
FIRST = Plan(split=Split.VALID, records=60)
MINI = "openai:gpt-4o-mini"


@pytest.mark.parametrize(
    ("dataset", "plan", "model", "expected"),
    [
        ("cds-100-dense", USUAL, "offline", "table3-cds-100-dense-test"),
        ("planted-3-40", FIRST, MINI, "table3-planted-3-40-valid-first-60-gpt-4o-mini"),
        ("cds", Plan(seeds=2, draws=1), "offline", "table3-cds-test-seeds-2-draws-1"),
        ("../CDs & more", USUAL, "vllm:meta/llama 3.1", "table3-..-CDs-more-test-meta-llama-3.1"),
    ],
)
def test_a_stem_names_what_is_not_as_usual(
    dataset: str, plan: Plan, model: str, expected: str
) -> None:
    found = stem("table3", tiny_dataset(dataset), plan, Settings(model=model), "0a1b2c3d")
    assert found == f"{expected}-0a1b2c3d"


def test_every_choice_has_files_of_its_own() -> None:
    plans = [USUAL, FIRST, Plan(seeds=2), Plan(draws=2), Plan(records=2), Plan(split=Split.VALID)]
    settings = [Settings(), Settings(model=MINI), Settings(model=MINI, embedding="openai:small")]
    data = [tiny_dataset("planted-3-40"), tiny_dataset("planted-4-40"), tiny_dataset("planted-3-4")]
    stems = {
        stem("table2", d, plan, own, "0a1b2c3d") for d in data for plan in plans for own in settings
    }
    assert len(stems) == len(data) * len(plans) * len(settings)
    assert max(map(len, stems)) < 110


def test_reports_of_other_data_or_prompts_have_other_marks() -> None:
    bases = [f"eval/cds-{data}/offline/seed {seed}" for data in "ab" for seed in (0, 1)]
    made = [result(JOB.model_copy(update={"base": base})) for base in bases]
    assert mark(made[:2]) == mark([made[1], made[0], made[0]])
    assert len({mark(made[:2]), mark(made[2:]), mark(made[:1])}) == 3


def test_a_title_says_on_what_a_table_was_made() -> None:
    found = title("Ablations", tiny_dataset("planted-3-40"), FIRST, Settings(model=MINI))
    assert found == (
        "Ablations: planted-3-40, valid, learned from the first 60 records only, "
        "model openai:gpt-4o-mini"
    )
