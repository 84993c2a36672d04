"""What rows took, so that they can be compared; what is not known is not shown."""

from evals.paper.costs import cost_rows, efficiency_rows
from tests.support.paper_jobs import COST

OTHER = COST.model_copy(update={"calls": 4, "cached": 5, "tokens": 50, "seconds": 0.1})


def cell(rows: list[list[str]], row: int, column: str) -> str:
    return rows[row + 1][rows[0].index(column)]


def test_a_network_trained_with_cached_replies_does_not_look_cheaper() -> None:
    rows = cost_rows({"RecNet": [COST], "AgentCF": [OTHER]})
    assert [cell(rows, row, "calls") for row in (0, 1)] == ["9", "9"]
    assert [cell(rows, row, "tokens") for row in (0, 1)] == ["99", "–"]
    assert [cell(rows, row, "seconds") for row in (0, 1)] == ["2", "–"]
    assert cell(rows, 1, "cached") == "5"


def test_efficiency_counts_the_bootstrap_too() -> None:
    costs = {
        name: [COST.model_copy(update={"bootstrap_calls": calls})]
        for name, calls in (("AgentCF", 0), ("RecNet", 27))
    }
    rows = efficiency_rows(costs, {"AgentCF": 0.5, "RecNet": 0.5})
    assert [cell(rows, row, "all calls") for row in (0, 1)] == ["9", "36"]
    assert [cell(rows, row, "times AgentCF's") for row in (0, 1)] == ["1.00", "4.00"]


def test_incomplete_rankings_are_counted_for_each_row() -> None:
    bad = COST.model_copy(update={"missing": 3, "dropped": 2, "failed_rankings": 1})
    rows = cost_rows({"RecNet": [bad, bad], "AgentCF": [COST]})
    assert [cell(rows, row, "incomplete") for row in (0, 1)] == ["6 / 4 / 2", "0 / 0 / 0"]
