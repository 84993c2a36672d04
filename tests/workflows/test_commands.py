"""Commands as they are typed: copies, what failed, and the embedded server."""

import json
from pathlib import Path

import psycopg
import pytest

from evals.datasets.registry import SAMPLE
from state.db.migrate import SCHEMA
from tests.support.commands import run_command
from workflows.commands.console import FAILED_RECORDS


@pytest.fixture
def mine(database: str) -> str:
    """Load, bootstrap and train a little; return the database's URL."""
    run_command("load", str(SAMPLE), "--domain", "books", "-n", "mine")
    run_command("bootstrap", "-n", "mine")
    run_command("train", "-n", "mine", "--limit", "3")
    return database


@pytest.mark.slow
def test_what_failed_is_run_again_by_one_command(mine: str) -> None:
    with psycopg.connect(mine, options=f"-c search_path={SCHEMA}", autocommit=True) as conn:
        for table in ("gradients", "filter_decisions"):  # a record that failed has none
            conn.execute(f"DELETE FROM {table}".encode())  # noqa: S608
        conn.execute("UPDATE interactions SET failure = 'no usable reply', reward = NULL")
    trained = run_command("train", "-n", "mine", "--limit", "0", code=FAILED_RECORDS)
    assert "3 records failed: `recnet show interactions --network mine` says why" in trained.stderr
    assert "`recnet retry --network mine` runs them again" in trained.stderr
    assert run_command("show", "interactions", "-n", "mine").stdout.count("failed") == 3
    learned, paid = run_command("retry", "-n", "mine").stdout.splitlines()
    assert learned == "3 run again, 3 learned, 0 not"
    assert paid.startswith("this run: 11 calls, ")
    assert run_command("retry", "-n", "mine").stdout == "no interaction has failed\n"
    again = json.loads(run_command("retry", "-n", "mine", "--json").stdout)
    assert (again["run"], again["learned"], again["failed"]) == (0, 0, {})
    assert (
        json.loads(run_command("train", "-n", "mine", "--limit", "0", "--json").stdout)["failed"]
        == 0
    )


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_a_copy_is_trained_by_other_settings_and_told_apart() -> None:
    said = run_command("copy", "mine", "quiet", "--set", "propagation=none").stdout
    assert said == "network 'quiet' is a copy of 'mine'; next: recnet train --network quiet\n"
    other = json.loads(
        run_command("copy", "mine", "other", "--set", "update_size=9", "--json").stdout
    )
    assert other["settings"]["update_size"] == 9
    assert "are the same" in run_command("digest", "--diff", "mine", "quiet").stdout
    run_command("train", "-n", "quiet", "--limit", "1")
    assert (
        "interactions: 1 only in quiet"
        in run_command("digest", "--diff", "mine", "quiet", code=4).stdout
    )


@pytest.mark.slow
def test_the_embedded_server_is_started_looked_at_and_stopped(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECNET_HOME", str(home))
    assert run_command("db", "status").stdout.startswith("embedded, stopped, data in")
    assert run_command("db", "start").stdout.startswith("postgresql://")
    assert json.loads(run_command("db", "status", "--json").stdout)["running"] is True
    assert run_command("db", "stop").stdout == "stopped\n"
    assert run_command("db", "stop").stdout == "it was not running\n"
    monkeypatch.setenv("RECNET_DATABASE_URL", "postgresql://elsewhere/db")
    assert run_command("db", "status").stdout == "the database that RECNET_DATABASE_URL names\n"
    monkeypatch.delenv("RECNET_DATABASE_URL")
    monkeypatch.setenv("RECNET_HOME", str(home / "postgres" / "PG_VERSION"))
    assert "set RECNET_HOME to one that can be written" in run_command("db", "start", code=1).stderr
