"""`recnet bench train` from typing it to its files, and the parts it is made of."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from benchmarks.calls import read_calls_of_windows
from benchmarks.database import fresh_database
from benchmarks.server_process import serve_in_process
from benchmarks.training import (
    Grid,
    TrainingResults,
    count_whole_windows,
    measure_training,
    time_training,
)
from evals.cli import app
from evals.datasets.registry import SAMPLE
from state.db.embedded import server_runs
from state.errors import RecNetError
from state.settings import Settings
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, tiny_dataset
from workflows.network import Network
from workflows.recnet import RecNet
from workflows.training.driver import FIT, plan_training

TINY = Grid(latencies=(0.01,), update_sizes=(5,), concurrencies=(1, 4), records=(2, 5))


def typed(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["bench", "train", *words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


@pytest.mark.slow
def test_a_signal_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "evals.cli", "bench", "train", "--quick", "--out", str(tmp_path)],
        env={**os.environ, "RECNET_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not list(tmp_path.glob("bench-*/postgres")):
            time.sleep(0.1)
            assert process.poll() is None
        time.sleep(3)
        process.terminate()
        _, said = process.communicate(timeout=60)  # whoever is left behind would hold the pipe
    assert process.returncode == 143
    assert said.endswith("\nstopped: nothing was written\n")
    assert "Traceback" not in said
    assert not list(tmp_path.glob("bench-*"))


@pytest.mark.slow
def test_typed_it_measures_and_writes_what_it_found(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECNET_DATABASE_URL", database)
    sizes = ("--update-size", "20", "--concurrency", "1", "--concurrency", "8")
    records = ("--records", "2", "--records", "5", "--latency", "0.05")
    out = tmp_path / "new" / "folder"
    told = typed("--dataset", str(SAMPLE), *sizes, *records, "--out", str(out), "--json")
    results = TrainingResults.model_validate_json((out / "training.json").read_bytes())
    assert results == TrainingResults.model_validate_json(told)
    assert results.dataset == "harbour"
    text = (out / "training.md").read_text()

    own = [run for run in results.runs if not run.latency]
    alone, together = (run for run in results.runs if run.latency)
    assert (alone.concurrency, alone.records, alone.updates) == (1, 2, 0)
    assert together.concurrency == 8
    assert together.records >= 5
    assert together.updates >= 1
    for run in (alone, together):
        assert run.seconds >= run.windowed_lower_bound >= run.lower_bound > 0
        assert f"| 20 | {run.concurrency} | {run.records} | {run.updates} | {run.calls} |" in text
    assert alone.lower_bound == pytest.approx(alone.calls * 0.05)
    # All runs on the same records have made the same calls and the same network.
    for run in own:
        same = alone if run.records == alone.records else together
        assert (run.calls, run.digest) == (same.calls, same.digest)
    assert [run.model for run in own] == ["in process", "over HTTP", "over HTTP"]
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM recnet.networks").fetchone() == (0,)


@pytest.mark.slow
async def test_another_network_stops_it(
    settings: Settings,
    database: str,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def digest(network: Network) -> str:
        return network.name

    monkeypatch.setattr(Network, "digest", digest)
    with pytest.raises(RecNetError, match="NOT THE SAME NETWORK"):
        await measure_training(settings, tiny_dataset(), TINY, lambda done, what: None)  # noqa: ARG005
    async with RecNet.open(settings) as recnet, recnet.resources.pool.connection() as conn:
        cursor = await conn.execute("SELECT name FROM networks")
        assert await cursor.fetchall() == []


@pytest.mark.slow
async def test_the_work_is_what_was_really_called(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    report = await recnet.network("tiny").train()
    network = await recnet.network("tiny").record()
    records = await plan_training(recnet.resources, network, FIT["train+valid"])
    async with recnet.resources.pool.connection() as conn:
        windows = await read_calls_of_windows(conn, network, records)
    works = [work for window in windows for work in window.records]
    assert [work.clients for work in works] == [frozenset(r.clients) for r in records]
    assert sum(sum(work.stages) for work in works) == report.calls
    assert sum(sum(window.update) for window in windows) == report.update_calls
    assert sum(any(window.update) for window in windows) == report.windows
    assert all(work.stages[1:3] == (1, 1) for work in works)  # a prediction, then the gradients
    assert any(work.stages[0] for work in works)  # messages came
    # An update extracts from each client of its window, beside what it decides on routers.
    assert all(
        window.update[0] >= NETWORK_SETTINGS.update_size for window in windows if window.update[0]
    )

    async with recnet.resources.pool.connection() as conn:
        await conn.execute("UPDATE usage SET attempts = 2 WHERE prompt = 'predict'")
        assert await read_calls_of_windows(conn, network, records) == windows
        await conn.execute("UPDATE usage SET outcome = 'bad_reply' WHERE prompt = 'predict'")
        with pytest.raises(RecNetError, match="predict ended bad_reply"):
            await read_calls_of_windows(conn, network, records)


async def test_records_are_counted_in_whole_windows(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    whole = await count_whole_windows(recnet, "tiny", NETWORK_SETTINGS.update_size, 3)
    await recnet.network("tiny").train(limit=whole)
    async with recnet.resources.pool.connection() as conn:
        cursor = await conn.execute("SELECT count(*) AS waiting FROM pending_clients")
        assert await cursor.fetchone() == {"waiting": 0}
    assert await count_whole_windows(recnet, "tiny", 1, 3) == 3
    assert await count_whole_windows(recnet, "tiny", 1, 99) == 12


@pytest.mark.slow
async def test_a_run_that_is_not_what_was_asked_for_is_refused(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    with pytest.raises(RecNetError, match="12 of 13 records"):
        await time_training(recnet, "tiny", 13, 1)


@pytest.mark.slow
async def test_the_server_serves_in_another_process_until_the_block_ends() -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        with serve_in_process(ModelServerSettings()) as url:
            assert (await client.get(f"{url}/models")).json()["data"][0]["id"] == "offline"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/models")


def test_a_fresh_database_is_gone_afterwards(home: Path) -> None:
    from state.db.embedded import start_server

    with fresh_database(Settings(home=home / "data")) as settings:
        assert settings.home.parent == home / "data"
        start_server(settings.home)
        assert server_runs(settings.home)
    assert not server_runs(settings.home)
    assert list((home / "data").iterdir()) == []


def test_a_server_of_ones_own_is_used_as_it_is(settings: Settings) -> None:
    with fresh_database(settings) as same:
        assert same == settings


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--records", "5"), "records: give one number for each of 3 concurrencies"),
        (("--concurrency", "4"), "records: give one number for each of 1 concurrencies"),
        (("--latency", "0"), "latencies: must be greater than 0"),
        (("--latency", "nan"), "latencies: must be a finite number"),
        (("--dataset", "/nowhere"), "/nowhere: no such folder"),
    ],
)
def test_bad_input_is_told_in_one_line(words: tuple[str, ...], line: str, tmp_path: Path) -> None:
    said = typed(*words, "--out", str(tmp_path), code=1)
    assert said.startswith("recnet: ")
    assert line in said
    assert said.count("\n") == 1
