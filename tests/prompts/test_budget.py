"""The budget of calls and tokens."""

import pytest

from prompts.budget import Budget
from prompts.errors import BudgetExceeded


def test_without_limits_it_only_counts() -> None:
    budget = Budget()
    for _ in range(3):
        budget.take()
        budget.spend(1_000)
    assert (budget.calls, budget.tokens) == (3, 3_000)


def test_the_call_beyond_the_limit_is_refused_and_not_counted() -> None:
    budget = Budget(calls=2)
    budget.take()
    budget.take()
    for _ in range(2):
        with pytest.raises(BudgetExceeded, match="2 model calls"):
            budget.take()
    assert budget.calls == 2


def test_a_budget_of_nothing_allows_nothing() -> None:
    with pytest.raises(BudgetExceeded):
        Budget(calls=0).take()
    with pytest.raises(BudgetExceeded):
        Budget(tokens=0).take()


def test_tokens_stop_the_call_after_the_one_that_spent_them() -> None:
    budget = Budget(tokens=100)
    budget.take()
    budget.spend(99)
    budget.take()
    budget.spend(30)
    with pytest.raises(BudgetExceeded, match=r"100 tokens is spent \(129 used\)"):
        budget.take()
    assert budget.calls == 2
