"""Tables of the paper: their files, and the report that is in them."""

from evals.candidates import SHOWN
from evals.paper.design import AGENTCF, RECNET, Plan
from evals.paper.report import Report
from evals.paper.tables import file_stem
from evals.tables import Figure, TableRow
from state.dataset import Split
from tests.support.paper_jobs import COST

BASES = {"eval/cds-0a1b2c3d/offline offline 1/seed 0"}


def test_a_file_is_named_after_table_data_and_split() -> None:
    assert file_stem("table3", "cds-100-dense", Plan(), BASES).startswith(
        "table3-cds-100-dense-test-"
    )
    odd = file_stem("table3", "../CDs & more" + "x" * 300, Plan(split=Split.VALID), BASES)
    assert odd.startswith("table3-..-CDs-more")
    assert len(odd) < 120
    assert "/" not in odd


def test_other_data_prompts_seeds_draws_or_records_have_other_files() -> None:
    plans = [Plan(), Plan(seeds=2), Plan(draws=2), Plan(records=2), Plan(split=Split.VALID)]
    others = [BASES, {"eval/cds-0a1b2c3d/offline offline 2/seed 0"}]
    stems = {file_stem("table2", "cds", plan, bases) for plan in plans for bases in others}
    assert len(stems) == len(plans) * len(others)
    assert file_stem("table2", "cds", Plan(concurrency=2), BASES) in stems


def test_efficiency_stands_beside_ndcg_where_the_table_asks_for_it() -> None:
    rows = tuple(
        TableRow(name=name, users=2, figures=tuple(Figure(k=k, mean=0.5) for k in (1, 5, 10)))
        for name in (AGENTCF.name, RECNET.name)
    )
    report = Report(
        name="table5", title="Efficiency", reference=RECNET.name, size=10, asked=2,
        users=dict.fromkeys(SHOWN, 2), printed={RECNET.name: 0.612},
        rows=dict.fromkeys(SHOWN, rows), probes={}, notes=("a note",), efficiency=True,
        costs={AGENTCF.name: (COST,), RECNET.name: (COST, COST)},
    )  # fmt: skip
    text = report.markdown()
    assert "| RecNet | 13 | 1.00 | 2 | 0.500 | 3.8462 |" in text
    assert "printed elsewhere, not comparable" in text
    assert text.endswith("- a note\n")
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert "## Efficiency" not in report.model_copy(update={"efficiency": False}).markdown()
