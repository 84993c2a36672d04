"""What rows took, so that they can be compared: asks, founding, and nothing that is not known."""

from evals.candidates import Negatives
from evals.paper.comparison import Line
from evals.paper.design import AGENTCF, RECNET, Variant
from evals.paper.expenses import Expense, efficiency_rows, expense_rows, expenses
from evals.paper.jobs import Result
from evals.tables import Figure
from tests.support.paper_jobs import COST, JOB, result


def made(variant: Variant, **cost: object) -> Result:
    """Return a result of a variant with some of its cost set otherwise."""
    found = result(JOB.model_copy(update={"variant": variant}))
    return found.model_copy(update={"cost": COST.model_copy(update=cost)})


def summed(*results: Result) -> list[Expense]:
    lines = [
        Line(name=name, users=2, figures=(Figure(k=10, mean=0.5),), by_seed=(0.5,))
        for name in dict.fromkeys(result.job.variant.name for result in results)
    ]
    return list(expenses(results, {Negatives.SAMPLED: lines}))


def cell(rows: list[list[str]], row: int, column: str) -> str:
    return rows[row + 1][rows[0].index(column)]


def test_who_runs_second_does_not_look_cheaper() -> None:
    first = made(RECNET)
    second = made(AGENTCF, calls=4, kept=5, tokens=50, seconds=0.1)
    rows = expense_rows(summed(first, second))
    assert [cell(rows, row, "calls") for row in (0, 1)] == ["9", "9"]
    assert [cell(rows, row, "tokens") for row in (0, 1)] == ["99", "–"]
    assert [cell(rows, row, "seconds") for row in (0, 1)] == ["2", "–"]
    assert cell(rows, 1, "kept") == "5"


def test_efficiency_counts_founding_too() -> None:
    rows = efficiency_rows(summed(made(AGENTCF, founding=0), made(RECNET, founding=27)))
    assert [cell(rows, row, "all calls") for row in (0, 1)] == ["9", "36"]
    assert [cell(rows, row, "by AgentCF's") for row in (0, 1)] == ["1.00", "4.00"]


def test_what_was_not_clean_is_told_of_each_row() -> None:
    bad = made(RECNET).model_copy(update={"missing": 3, "dropped": 2, "failed": 1})
    rows = expense_rows(summed(bad, bad, made(AGENTCF)))
    assert [cell(rows, row, "unclean") for row in (0, 1)] == ["6 / 4 / 2", "0 / 0 / 0"]
