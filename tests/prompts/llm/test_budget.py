"""The budget of calls, tokens and money."""

import pytest

from prompts.llm.budget import Budget
from prompts.llm.errors import BudgetExceeded


def test_without_limits_it_only_counts() -> None:
    budget = Budget()
    for _ in range(3):
        budget.require()
        budget.calls += 1
        budget.spend(1_000, 0.5)
    assert (budget.calls, budget.tokens, budget.money) == (3, 3_000, 1.5)


def test_nothing_begins_once_the_calls_are_spent() -> None:
    budget = Budget(calls=2)
    budget.calls += 1
    budget.require()
    budget.calls += 1
    with pytest.raises(BudgetExceeded, match=r"2 model calls is spent .*RECNET_BUDGET_CALLS"):
        budget.require()


@pytest.mark.parametrize("budget", [Budget(calls=0), Budget(tokens=0), Budget(money=0)])
def test_a_budget_of_nothing_allows_nothing(budget: Budget) -> None:
    with pytest.raises(BudgetExceeded):
        budget.require()


def test_the_token_limit_stops_the_next_call() -> None:
    budget = Budget(tokens=100)
    budget.spend(99, 0)
    budget.require()
    budget.spend(30, 0)
    with pytest.raises(BudgetExceeded, match=r"100 tokens is spent \(129 used;.*BUDGET_TOKENS"):
        budget.require()


def test_money_stops_too() -> None:
    budget = Budget(money=0.5)
    budget.spend(10, 0.49)
    budget.require()
    budget.spend(10, 0.02)
    assert budget.spent() == (
        "the budget of 0.5 in money is spent (0.51 used; RECNET_BUDGET_MONEY sets it)"
    )
