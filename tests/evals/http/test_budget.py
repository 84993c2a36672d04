"""A budget in calls, tokens or money stops a run before the next record, and it goes on later."""

from collections.abc import Mapping

import pytest

from prompts.llm.errors import BudgetExceeded
from state.domain import EMBEDDING
from state.settings import Settings
from tests.support.database_rows import rows
from tests.support.http_network import MODEL, completions
from tests.support.model_server.serving import RunningServer
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, load_tiny, with_models
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow

PRICES = {MODEL: (1.0, 4.0)}
LIMITS: Mapping[str, tuple[Mapping[str, object], str, str]] = {
    "calls": ({"budget_calls": 25}, "attempts", "the budget of 25 model calls is spent ("),
    "tokens": (
        {"budget_tokens": 10_000},
        "input_tokens + output_tokens",
        "the budget of 10,000 tokens is spent (",
    ),
    "money": (
        {"budget_money": 0.012, "prices": PRICES},
        "cost",
        "the budget of 0.012 in money is spent (",
    ),
}
"""What is set; what it counts, in columns of usage; how a stop begins to say so."""
FOUNDING = 18 + 3
"""Calls of a bootstrap: an extraction for each client, a summary for each router."""


async def spent_by_step(recnet: RecNet, measure: str) -> dict[str, float]:
    """Return what the open process has spent by step, in order."""
    found = await rows(
        recnet,
        f"SELECT step, sum({measure})::float8 AS spent FROM usage "  # noqa: S608 - our own words
        "WHERE run_id = %s AND prompt <> %s GROUP BY step ORDER BY min(id)",
        recnet.resources.runs[0],
        EMBEDDING,
    )
    return {row["step"]: row["spent"] for row in found}


async def nothing_is_half_done(recnet: RecNet) -> bool:
    """Return whether every record is learned and every claimed window has been updated from."""
    left = await rows(
        recnet,
        "SELECT id FROM interactions WHERE failure <> '' OR reward IS NULL "
        "UNION ALL SELECT id::text FROM windows WHERE NOT done",
    )
    return not left


@pytest.mark.parametrize("limit", LIMITS)
async def test_training_stops_between_two_records_and_goes_on(
    http: Settings, alone: str, limit: str
) -> None:
    more, measure, said = LIMITS[limit]
    async with RecNet.open(http) as recnet:
        await bootstrap_tiny(recnet)
    settled, stops = 0, 0
    while settled < 12:
        async with RecNet.open(http.model_copy(update=more)) as recnet:
            report = await recnet.network("tiny").train(concurrency=1)
            assert report.run > 0
            assert report.settled == settled + report.run
            assert await nothing_is_half_done(recnet)
            spent = await spent_by_step(recnet, measure)
        settled = report.settled
        if report.stopped:
            stops += 1
            assert report.stopped.startswith(said)
            assert report.stopped.endswith(f"RECNET_BUDGET_{limit.upper()} sets it)")
            records = [step for step in spent if not step.startswith("window")]
            begun = list(spent).index(records[-1])
            before = sum(list(spent.values())[:begun])
            bound = next(iter(more.values()))
            assert isinstance(bound, int | float)
            assert before < bound <= sum(spent.values())
    assert stops > 2
    assert report.stopped == ""
    async with RecNet.open(http) as recnet:
        assert await recnet.network("tiny").digest() == alone


async def test_a_budget_of_the_last_record_stops_nothing(http: Settings, alone: str) -> None:
    async with RecNet.open(http) as recnet:
        await bootstrap_tiny(recnet)
        await recnet.network("tiny").copy("other")
        paid = (await recnet.network("tiny").train()).usage
    exact = sum(total.calls for total in paid)
    async with RecNet.open(http.model_copy(update={"budget_calls": exact})) as recnet:
        report = await recnet.network("other").train()
        assert (report.settled, report.stopped) == (12, "")
        assert recnet.resources.budget.calls == exact
        assert await recnet.network("other").digest() == alone


@pytest.mark.parametrize("calls", [9, 17])
async def test_a_bootstrap_stops_between_two_calls_and_goes_on(
    http: Settings, endpoint: RunningServer, alone: str, calls: int
) -> None:
    bounded = http.model_copy(update={"budget_calls": calls})
    async with RecNet.open(http) as recnet:
        await load_tiny(recnet)
    said = []
    for _ in range(10):
        before = completions(endpoint.counts)
        async with RecNet.open(bounded) as recnet:
            try:
                await recnet.network("tiny").bootstrap(with_models(recnet, NETWORK_SETTINGS))
                break
            except BudgetExceeded as stop:
                said.append(str(stop))
        assert completions(endpoint.counts) - before <= calls
    assert 0 < len(said) < 10
    assert set(said) == {
        f"the budget of {calls} model calls is spent ({calls} used; RECNET_BUDGET_CALLS sets it)"
    }
    async with RecNet.open(http) as recnet:
        (paid,) = await rows(
            recnet, "SELECT sum(attempts) AS n FROM usage WHERE prompt <> %s", EMBEDDING
        )
        # What is under way when the budget stops it is made again.
        assert paid["n"] <= FOUNDING + len(said) * http.max_concurrent_calls
        await recnet.network("tiny").train()
        assert await recnet.network("tiny").digest() == alone
