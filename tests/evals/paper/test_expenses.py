"""What rows took, so that they can be compared; what is not known is not shown."""

from evals.candidates import Negatives
from evals.paper.design import AGENTCF, RECNET, Variant
from evals.paper.expenses import Expense, efficiency_rows, expense_rows, expenses
from evals.paper.results import Result
from evals.tables import Figure, TableRow
from tests.support.paper_jobs import COST, JOB, result


def made(variant: Variant, **cost: object) -> Result:
    """Return a result of a variant with some of its cost set otherwise."""
    found = result(JOB.model_copy(update={"variant": variant}))
    return found.model_copy(update={"cost": COST.model_copy(update=cost)})


def summed(*results: Result) -> list[Expense]:
    rows = [
        TableRow(name=name, users=2, figures=(Figure(k=10, mean=0.5),), by_seed=(0.5,))
        for name in dict.fromkeys(result.job.variant.name for result in results)
    ]
    return list(expenses(results, {Negatives.SAMPLED: rows}))


def cell(rows: list[list[str]], row: int, column: str) -> str:
    return rows[row + 1][rows[0].index(column)]


def test_a_network_trained_with_cached_replies_does_not_look_cheaper() -> None:
    first = made(RECNET)
    second = made(AGENTCF, calls=4, cached=5, tokens=50, seconds=0.1)
    rows = expense_rows(summed(first, second))
    assert [cell(rows, row, "calls") for row in (0, 1)] == ["9", "9"]
    assert [cell(rows, row, "tokens") for row in (0, 1)] == ["99", "–"]
    assert [cell(rows, row, "seconds") for row in (0, 1)] == ["2", "–"]
    assert cell(rows, 1, "cached") == "5"


def test_efficiency_counts_the_bootstrap_too() -> None:
    rows = efficiency_rows(
        summed(made(AGENTCF, bootstrap_calls=0), made(RECNET, bootstrap_calls=27))
    )
    assert [cell(rows, row, "all calls") for row in (0, 1)] == ["9", "36"]
    assert [cell(rows, row, "times AgentCF's") for row in (0, 1)] == ["1.00", "4.00"]


def test_incomplete_rankings_are_counted_for_each_row() -> None:
    bad = made(RECNET, missing=3, dropped=2, failed_rankings=1)
    rows = expense_rows(summed(bad, bad, made(AGENTCF)))
    assert [cell(rows, row, "incomplete") for row in (0, 1)] == ["6 / 4 / 2", "0 / 0 / 0"]
