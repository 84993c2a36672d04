"""Commands that a budget stops: an exit code, a line that says how far it got, and they go on."""

import re
from typing import Any

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.datasets.registry import SAMPLE
from tests.support.commands import run_command, run_json
from tests.support.http_network import completions
from tests.support.model_server.serving import RunningServer
from workflows.commands.console import BUDGET_SPENT

pytestmark = pytest.mark.slow

GOES_ON = "Give the same command again to go on"
RANKINGS_AT_ONCE = 8
"""What was begun is finished; without messages a ranking is one call."""


def stopped(*words: str) -> str:
    """Type a command that the budget stops, and return the line that it ends with."""
    shown = run_command(*words, code=BUDGET_SPENT)
    assert "Traceback" not in shown.output
    line = shown.stderr.splitlines()[-1]
    assert line.startswith("stopped: the budget of ")
    assert line.endswith(f". {GOES_ON}")
    return line


def go_on(*words: str, most: int) -> int:
    """Type a command until no budget stops it any more; return how often one did."""
    for stops in range(most):
        result = CliRunner().invoke(app, list(words))
        if result.exit_code == 0:
            return stops
        assert result.exit_code == BUDGET_SPENT, result.output
    raise AssertionError("it does not come to an end")


def figures(evaluation: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    """Return the figures of an evaluation's tables without the names of their rows."""
    return [[row["figures"] for row in table["rows"]] for table in evaluation["tables"]]


@pytest.fixture
def books(typed_http: str) -> str:
    """Load the sample, twice; return the database's URL."""
    for name in ("books", "other"):
        run_command("load", str(SAMPLE), "--domain", "books", "-n", name)
    return typed_http


@pytest.mark.usefixtures("books")
def test_bootstrap_and_train(endpoint: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    run_command("bootstrap", "-n", "other")
    run_command("train", "-n", "other", "--limit", "20")
    with monkeypatch.context() as patch:
        patch.setenv("RECNET_BUDGET_CALLS", "40")
        before = completions(endpoint.counts)
        line = stopped("bootstrap", "-n", "books")
        assert "of 40 model calls is spent (40 used; RECNET_BUDGET_CALLS sets it)" in line
        assert completions(endpoint.counts) - before <= 40
        paid = run_json("usage", "-n", "books")["total"]
        assert (paid["calls"], paid["bad"]) == (completions(endpoint.counts) - before, 0)
        run_command("train", "-n", "books", code=1)  # it has no routers yet
        assert go_on("bootstrap", "-n", "books", most=5) > 0
        line = stopped("train", "-n", "books", "--limit", "20")
        records = run_json("train", "-n", "books", "--limit", "0")
        assert f"; {records['settled']} of {records['records']} records are settled." in line
        assert 0 < records["settled"] < 20
        report = run_json("train", "-n", "books", "--limit", "20", code=BUDGET_SPENT)
        assert report["stopped"].startswith("the budget of 40 model calls is spent")
    left = 20 - report["settled"]
    assert run_json("train", "-n", "books", "--limit", str(left))["settled"] == 20
    assert "are the same" in run_command("digest", "--diff", "books", "other").stdout


@pytest.mark.usefixtures("books", "no_replies")
def test_evaluate(endpoint: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECNET_CACHE", "true")
    for name in ("books", "other"):
        run_command("bootstrap", "-n", name)
    words = ("evaluate", "--draws", "1", "-n")
    monkeypatch.setenv("RECNET_BUDGET_CALLS", "20")
    before = completions(endpoint.counts)
    line = stopped(*words, "books")
    used = int(line.partition("the budget of 20 model calls is spent (")[2].split()[0])
    assert re.search(r"; \d+ of 34 rankings of RecNet \(books\), sampled negatives, are made", line)
    # The line is of the moment when no more is begun; the others under way are still sent.
    assert 20 <= used <= completions(endpoint.counts) - before < 20 + RANKINGS_AT_ONCE
    assert 0 < go_on(*words, "books", most=6) < 5
    monkeypatch.delenv("RECNET_BUDGET_CALLS")
    again = run_json(*words, "books")
    assert sum(total["calls"] for total in again["usage"]) == 0
    assert figures(run_json(*words, "other")) == figures(again)
