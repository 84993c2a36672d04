"""What a call makes of an endpoint that fails, and of a budget that ends."""

import asyncio

import pytest

from prompts.budget import Budget
from prompts.errors import BudgetExceeded, ModelError, ReplyError
from tests.prompts.bench import GOOD, KEY, bench
from tests.prompts.endpoint import Answer, failure


@pytest.mark.parametrize(
    "passing",
    [
        failure(429, "slow down"),
        failure(500, "oh"),
        failure(503, "loading"),
        failure(408, "late"),
        Answer(dropped=True),
    ],
)
async def test_a_transient_failure_is_tried_again(passing: Answer) -> None:
    async with bench(passing, passing, Answer(text=GOOD)) as b:
        assert (await b.ask()).text == "Hello"
    assert (b.call.attempts, b.call.outcome) == (3, "ok")
    assert b.call.input_tokens == 10


async def test_a_timeout_is_tried_again() -> None:
    late = Answer(text=GOOD, delay=0.5)
    async with bench(late, Answer(text=GOOD), timeout=0.2) as b:
        assert (await b.ask()).text == "Hello"
    assert b.call.attempts == 2


async def test_a_pause_that_the_endpoint_asks_for_is_kept() -> None:
    busy = failure(429, "slow down", retry_after="0.3")
    async with bench(busy, Answer(text=GOOD)) as b:
        start = asyncio.get_running_loop().time()
        await b.ask()
        assert asyncio.get_running_loop().time() - start > 0.3
    assert b.call.seconds < 0.3, "waiting is not the model's time"


@pytest.mark.parametrize(("status", "named"), [(429, "CALLS_IN_FLIGHT"), (500, "oh")])
async def test_tries_are_bounded(status: int, named: str) -> None:
    async with bench(failure(status, "oh"), tries=4) as b:
        with pytest.raises(ReplyError, match=named):
            await b.ask()
    assert len(b.endpoint.requests) == 4
    assert (b.call.attempts, b.call.outcome, b.call.input_tokens) == (4, "bad_reply", 0)


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (failure(401, f"Incorrect API key provided: {KEY}"), "OPENAI_API_KEY"),
        (failure(403, f"{KEY} may not"), "OPENAI_API_KEY"),
        (failure(404, f"no model test for {KEY}"), r"RECNET_MODEL.*OPENAI_BASE_URL"),
        (failure(400, f"no top_k for {KEY}"), "no top_k.*RECNET_MODEL"),
        (failure(400, "no temperature"), "RECNET_TEMPERATURE=default"),
        (failure(400, "too long", code="context_length_exceeded"), "longer than"),
        (failure(429, "You exceeded", code="insufficient_quota"), "no credit"),
        (Answer(body={"choices": None}), "OPENAI_BASE_URL"),
        (Answer(body="<html>A proxy's page</html>"), "OPENAI_BASE_URL"),
    ],
)
async def test_a_lasting_failure_is_one_line_at_once_without_the_key(
    answer: Answer, named: str
) -> None:
    async with bench(answer) as b:
        with pytest.raises(ModelError, match=named) as raised:
            await b.ask()
    assert not raised.value.transient
    assert str(raised.value).startswith("openai:test: ")
    assert KEY not in str(raised.value)
    assert KEY[3:] not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(b.endpoint.requests) == 1
    assert (b.call.attempts, b.call.outcome) == (1, "failed")


async def test_nobody_there_is_a_failure_that_may_pass() -> None:
    async with bench(Answer(text=GOOD), tries=2) as b:
        b.endpoint.close()
        with pytest.raises(ModelError, match="cannot be reached") as raised:
            await b.ask()
    assert raised.value.transient
    assert (b.call.attempts, b.call.outcome) == (2, "failed")


async def test_the_budget_counts_every_request_and_stops_only_what_may_be_stopped() -> None:
    budget = Budget(calls=2)
    async with bench(failure(500, "oh"), Answer(text=GOOD), budget=budget) as b:
        await b.ask(stops=True)
        await b.ask()
        with pytest.raises(BudgetExceeded, match="RECNET_BUDGET_CALLS"):
            await b.ask(stops=True)
    assert len(b.endpoint.requests) == budget.calls == 3
    assert [(c.attempts, c.outcome) for c in b.calls] == [(2, "ok"), (1, "ok"), (0, "failed")]


async def test_what_a_reply_costs_is_counted_by_its_price() -> None:
    budget = Budget()
    good = Answer(text=GOOD, usage=(1_000, 100))
    async with bench(Answer(text="bad"), good, budget=budget, price=(2.0, 10.0)) as b:
        await b.ask()
    assert b.call.cost == budget.money == pytest.approx((1_010 * 2 + 105 * 10) / 1_000_000)
    assert budget.tokens == 1_115
