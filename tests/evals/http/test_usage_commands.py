"""What a run has cost, as the commands show it: four groupings, one run, prices, end lines."""

import pytest

from evals.datasets.registry import SAMPLE
from state.domain import EMBEDDING
from tests.support.commands import run_command, run_json
from tests.support.http_network import MODEL, completions
from tests.support.model_server.serving import RunningServer

pytestmark = pytest.mark.slow

PRICE = (2.0, 8.0)
GROUPINGS = ("prompt", "interaction", "run", "model")
SUMS = ("calls", "embeddings", "cached", "input_tokens", "output_tokens", "cost", "bad")


@pytest.fixture
def books(typed_http: str, no_replies: None, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: ARG001
    """Load and bootstrap the sample with prices, and learn three records; return the last word."""
    monkeypatch.setenv("RECNET_PRICES", f"{MODEL}={PRICE[0]}/{PRICE[1]}")
    run_command("load", str(SAMPLE), "--domain", "books", "-n", "books")
    run_command("bootstrap", "-n", "books")
    return run_command("train", "-n", "books", "--limit", "3").stdout.splitlines()[-1]


def test_groupings_agree_with_the_server(books: str, endpoint: RunningServer) -> None:  # noqa: ARG001
    shown = {by: run_json("usage", "-n", "books", "--by", by) for by in GROUPINGS}
    total = shown["prompt"]["total"]
    counts = endpoint.counts
    assert (total["calls"], total["embeddings"]) == (
        completions(counts),
        counts.asked["embeddings"],
    )
    assert (total["cached"], total["bad"], total["faults"]) == (0, 0, {})
    for by in GROUPINGS:
        assert shown[by]["by"] == by
        assert {name: shown[by]["total"][name] for name in SUMS} == pytest.approx(
            {name: total[name] for name in SUMS}
        )
    for entry in (total, *shown["interaction"]["usage"]):
        price = (entry["input_tokens"] * PRICE[0] + entry["output_tokens"] * PRICE[1]) / 1e6
        assert entry["cost"] == pytest.approx(price)
    names = {by: [entry["name"] for entry in shown[by]["usage"]] for by in GROUPINGS}
    assert {"extract", "summarize", "predict", "gradient", EMBEDDING} <= set(names["prompt"])
    assert names["interaction"][0] == "bootstrap"
    assert len([name for name in names["interaction"] if name.startswith("harbour:")]) == 3
    assert [name.split()[1] for name in names["run"]] == ["bootstrap", "train"]
    assert names["model"] == [MODEL]
    table = run_command("usage", "-n", "books").stdout
    assert all(name in table for name in ("extract", EMBEDDING, "all", "in, out: tokens"))


def test_one_run_alone(books: str) -> None:
    by_run = run_json("usage", "-n", "books", "--by", "run")["usage"]
    train = by_run[1]
    number = train["name"].split()[0]
    only = run_json("usage", "-n", "books", "--run", number)
    assert {name: only["total"][name] for name in SUMS} == pytest.approx(
        {name: train[name] for name in SUMS}
    )
    assert "extract" not in [entry["name"] for entry in only["usage"]]
    assert "summarize" not in run_command("usage", "-n", "books", "--run", number).stdout
    # The end line of that run said the same.
    assert books.startswith(
        f"this run: {train['calls']:,} calls, {train['embeddings']:,} embedding"
    )
    assert f", {train['input_tokens']:,} tokens in, {train['output_tokens']:,} out, " in books
    assert books.endswith(f"cost {train['cost']:,.4g}")


@pytest.mark.usefixtures("books")
def test_an_unknown_run_and_a_network_without_calls_are_told_in_one_line() -> None:
    (line,) = run_command("usage", "-n", "books", "--run", "999999", code=1).stderr.splitlines()
    assert line == (
        "recnet: run 999999 made no calls for network 'books'; "
        "`recnet usage --by run --network books` lists those that did"
    )
    (line,) = run_command("usage", "-n", "nobody", code=1).stderr.splitlines()
    assert "'nobody'" in line
    run_command("load", str(SAMPLE), "--domain", "books", "-n", "quiet")
    assert run_command("usage", "-n", "quiet").stdout == "no calls were made for network 'quiet'\n"
    assert run_json("usage", "-n", "quiet")["total"]["cost"] is None


@pytest.mark.usefixtures("books")
def test_the_end_line_of_an_evaluation(
    endpoint: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECNET_CACHE", "true")
    words = ("evaluate", "-n", "books", "--draws", "1")
    before = completions(endpoint.counts)
    first = run_command(*words).stdout.splitlines()[-1]
    asked = completions(endpoint.counts) - before
    assert first.startswith(f"this run: {asked} calls, 0 replies from the cache, ")
    assert ", cost " in first
    assert (
        run_command(*words)
        .stdout.splitlines()[-1]
        .startswith(f"this run: 0 calls, {asked} replies from the cache, 0 tokens in, 0 out, 0 s")
    )
    (run,) = (
        entry
        for entry in run_json("usage", "-n", "books", "--by", "run")["usage"]
        if entry["name"].split()[1] == "evaluate" and entry["calls"]
    )
    assert (run["calls"], run["embeddings"]) == (asked, 0)
