"""What a call makes of an endpoint that fails, and of a budget that ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from tenacity import RetryCallState

from prompts.llm.budget import Budget
from prompts.llm.errors import BudgetExceeded, CallError, ModelError, ReplyError
from prompts.llm.retries import LONGEST_WAIT, retry_policy
from prompts.llm.structured_output import Mode
from state.domain import Fault
from tests.support.greet_prompt import GOOD, KEY, greet_client
from tests.support.scripted_server import Answer, failure


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
async def test_a_transient_failure_is_retried(passing: Answer) -> None:
    async with greet_client(passing, passing, Answer(text=GOOD)) as b:
        assert (await b.ask()).text == "Hello"
    assert (b.call.attempts, b.call.outcome) == (3, "ok")
    assert b.call.input_tokens == 10


@pytest.mark.parametrize("late", [{"delay": 3.0}, {"trickle": 3.0}])
async def test_a_late_answer_is_cut_and_requested_again(
    late: dict[str, float],
) -> None:
    async with greet_client(Answer(text=GOOD, **late), Answer(text=GOOD), timeout=1.0) as b:  # type: ignore[arg-type]
        assert (await b.ask()).text == "Hello"
    assert (b.call.attempts, b.call.faults) == (2, {"timeout": 1})
    assert 1 < b.call.seconds < 3


@pytest.mark.parametrize(
    ("failing", "fault"),
    [
        (failure(429, "slow down"), "busy"),
        (failure(408, "late"), "busy"),
        (failure(409, "a conflict"), "busy"),
        (failure(425, "too early"), "busy"),
        (failure(500, "oh"), "server_error"),
        (failure(529, "overloaded"), "server_error"),
        (Answer(dropped=True), "dropped"),
    ],
)
async def test_each_transient_failure_is_counted_by_its_kind(failing: Answer, fault: Fault) -> None:
    async with greet_client(failing, failing, Answer(text=GOOD)) as b:
        await b.ask()
    assert b.call.faults == {fault: 2}


async def test_faults_of_several_kinds_are_counted_in_one_call() -> None:
    answers = (failure(500, "oh"), Answer(text="no"), Answer(dropped=True), Answer(text=""))
    async with greet_client(*answers, Answer(text=GOOD)) as b:
        await b.ask()
    assert b.call.faults == {"server_error": 1, "invalid_json": 1, "dropped": 1, "empty": 1}
    assert (b.call.attempts, b.call.outcome) == (5, "ok")


async def test_the_requests_of_a_call_are_bounded_by_both_attempts() -> None:
    failing = failure(500, "oh")
    turn = (failing, failing, Answer(text="no"))
    async with greet_client(*turn * 4, reply_attempts=3, request_attempts=3) as b:
        with pytest.raises(ReplyError, match="Invalid JSON"):
            await b.ask()
    assert (b.call.attempts, len(b.endpoint.requests)) == (9, 9)
    assert b.call.faults == {"server_error": 6, "invalid_json": 3}


def pause(asked: str | None, attempt: int = 1) -> float:
    """Return the seconds before another try, after an answer that asked for a pause."""
    headers = {} if asked is None else {"retry-after": asked}

    class Busy(Exception):  # noqa: N818 - it has what the libraries' errors have
        response = type("Response", (), {"headers": headers})

    policy = retry_policy("test", 5, 1.0)
    state = RetryCallState(policy, None, (), {})
    state.attempt_number = attempt
    state.set_exception((Busy, Busy(), None))
    return float(policy.wait(state))


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def test_a_pause_is_as_long_as_the_endpoint_asks_for() -> None:
    assert pause("20") == 20
    assert pause("7.5") == 7.5
    assert 27 < pause(in_seconds(30)) <= 30
    assert 27 < pause(in_seconds(30).replace("GMT", "-0000")) <= 30


@pytest.mark.parametrize("asked", ["1e9", "inf", "61", "99999999999999999999"])
def test_no_pause_is_longer_than_the_bound(asked: str) -> None:
    assert pause(asked) == LONGEST_WAIT
    assert pause(in_seconds(1e9)) == LONGEST_WAIT


@pytest.mark.parametrize(
    "asked",
    [
        *(None, "", "0", "-5", "nan", "-inf", "soon", "Wed, 99 Foo 2099 25:61:61 GMT"),
        "Mon, 02 Jan 2023 03:04:05 GMT",
    ],
)
def test_without_a_sensible_retry_after_the_pause_doubles(asked: str | None) -> None:
    for attempt in range(1, 10):
        least = min(2.0 ** (attempt - 1), LONGEST_WAIT)
        assert least <= pause(asked, attempt) <= min(least + 1, LONGEST_WAIT)


async def test_a_retry_waits_as_long_as_the_endpoint_asks_for() -> None:
    busy = failure(429, "slow down", retry_after="0.3")
    async with greet_client(busy, Answer(text=GOOD)) as b:
        start = asyncio.get_running_loop().time()
        await b.ask()
        assert asyncio.get_running_loop().time() - start > 0.3
    assert b.call.seconds < 0.3, "waiting is not the model's time"


@pytest.mark.parametrize(("status", "named"), [(429, "MAX_CONCURRENT_CALLS"), (500, "oh")])
async def test_request_attempts_are_bounded(status: int, named: str) -> None:
    async with greet_client(failure(status, "oh"), request_attempts=4) as b:
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
    async with greet_client(answer) as b:
        with pytest.raises(ModelError, match=named) as raised:
            await b.ask()
    assert not raised.value.transient
    assert str(raised.value).startswith("openai:test: ")
    assert KEY not in str(raised.value)
    assert KEY[3:] not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(b.endpoint.requests) == 1
    assert (b.call.attempts, b.call.outcome) == (1, "failed")


async def test_an_unreachable_endpoint_is_a_transient_failure() -> None:
    async with greet_client(Answer(text=GOOD), request_attempts=2) as b:
        b.endpoint.close()
        with pytest.raises(ModelError, match="cannot be reached") as raised:
            await b.ask()
    assert raised.value.transient
    assert (b.call.attempts, b.call.outcome) == (2, "failed")
    assert b.call.faults == {"unreachable": 2}


async def test_an_endpoint_that_drops_every_request_gives_no_reply() -> None:
    async with greet_client(Answer(dropped=True), request_attempts=3) as b:
        with pytest.raises(ReplyError, match="drops the connection"):
            await b.ask()
    assert (b.call.outcome, b.call.faults) == ("bad_reply", {"dropped": 3})


NO_COMPLETION = [
    {"error": {"message": "Upstream said no", "code": 403}},
    {"choices": None},
    {"choices": []},
    {"choices": [{"index": 0, "message": None}]},
    [],
]


@pytest.mark.parametrize("mode", ["function_calling", "text"])
@pytest.mark.parametrize("body", NO_COMPLETION, ids=range(len(NO_COMPLETION)))
async def test_what_is_no_completion_is_one_line(body: Any, mode: Mode) -> None:  # noqa: ANN401
    async with greet_client(Answer(body=body), mode=mode) as b:
        with pytest.raises(CallError, match=r"RECNET_MODEL|OPENAI_BASE_URL|OPENAI_API_KEY"):
            await b.ask()


@pytest.mark.parametrize("mode", ["json_schema", "text"])
async def test_a_transient_error_with_status_200_is_retried(mode: Mode) -> None:
    passing = Answer(body={"error": {"message": "Provider returned error", "code": 502}})
    async with greet_client(passing, Answer(text=GOOD), mode=mode) as b:
        await b.ask()
    assert b.call.faults == {"server_error": 1}


@pytest.mark.parametrize("body", [{"detail": "no top_k here"}, {"error": "no top_k"}, "no top_k"])
async def test_an_endpoints_message_is_shown_in_whatever_form_it_comes(body: str) -> None:
    async with greet_client(Answer(status=400, body=body)) as b:
        with pytest.raises(ModelError, match="no top_k"):
            await b.ask()


async def test_the_budget_counts_every_request_and_stops_only_what_may_be_stopped() -> None:
    budget = Budget(calls=2)
    async with greet_client(failure(500, "oh"), Answer(text=GOOD), budget=budget) as b:
        await b.ask(stops=True)
        await b.ask()
        with pytest.raises(BudgetExceeded, match="RECNET_BUDGET_CALLS"):
            await b.ask(stops=True)
    assert len(b.endpoint.requests) == budget.calls == 3
    assert [(c.attempts, c.outcome) for c in b.calls] == [(2, "ok"), (1, "ok"), (0, "failed")]


async def test_what_a_reply_costs_is_counted_by_its_price() -> None:
    budget = Budget()
    good = Answer(text=GOOD, usage=(1_000, 100))
    async with greet_client(Answer(text="bad"), good, budget=budget, price=(2.0, 10.0)) as b:
        await b.ask()
    assert b.call.cost == budget.money == pytest.approx((1_010 * 2 + 105 * 10) / 1_000_000)
    assert budget.tokens == 1_115
