"""Tables as they are typed: made once, taken again, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evals.cli import app

SMALL = ("--dataset", "planted:3:20", "--seeds", "1", "--draws", "1", "--records", "6")


def start(words: tuple[str, ...], out: Path) -> subprocess.Popen[str]:
    """Type an experiment; its results go to a folder."""
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "evals.cli", "paper", *words, "--out", str(out)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(words: tuple[str, ...], out: Path, code: int = 0) -> tuple[str, str]:
    process = start(words, out)
    said, noted = process.communicate(timeout=300)
    assert process.returncode == code, noted
    return said, noted


def table(out: Path, name: str) -> dict[str, Any]:
    (path,) = out.glob(f"{name}-*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_a_table_is_made_by_one_command_and_shares_its_networks(tmp_path: Path) -> None:
    said, _ = run(("table4", *SMALL, "--concurrency", "2"), tmp_path)
    (written,) = tmp_path.glob("table4-*.md")
    assert said == written.read_text() + "\n"
    assert "the offline model is a set of lexical methods and no language model" in said
    report = table(tmp_path, "table4")
    rows = [line["name"] for line in report["rows"]["matched"]]
    assert rows == ["Random", "TF-IDF", "EM", "EM+LR", "EM+LR+LS", "RecNet"]
    assert all(line["p"] is not None for line in report["rows"]["matched"][:-1])
    costs = [cost for own in report["costs"].values() for cost in own]
    assert all(cost["records"] == 6 and cost["calls"] > 0 for cost in costs)
    networks = {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()}
    assert len(networks) == 4
    run(("table3", *SMALL, "--concurrency", "2"), tmp_path)
    # RecNet, and "w/o CPR", which is EM, are there already.
    assert {p: p.stat().st_mtime_ns for p in networks} == networks
    again, _ = run(("table4", *SMALL), tmp_path)
    assert table(tmp_path, "table4")["rows"] == report["rows"]
    assert again == said


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_a_run_that_is_stopped_goes_on_and_finds_the_same(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(("table4", *SMALL), tmp_path / "stopped")
    end = time.monotonic() + 120
    while not (tmp_path / "stopped" / "networks").exists():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    os.kill(process.pid, signal.SIGINT)
    _, noted = process.communicate(timeout=60)
    assert process.returncode == 130, noted
    assert "Traceback" not in noted
    assert not list((tmp_path / "stopped").glob("table4-*"))
    run(("table4", *SMALL), tmp_path / "stopped")
    monkeypatch.setenv("RECNET_HOME", str(home))  # where nothing is learned yet
    run(("table4", *SMALL), tmp_path / "whole")
    assert (
        table(tmp_path / "stopped", "table4")["rows"] == table(tmp_path / "whole", "table4")["rows"]
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("table2", "--dataset", "planted:x"),
            "planted world is planted:SEED or",
        ),
        (("table2", "--dataset", "planted:1:0"), "users"),
        (("table2", "--dataset", "nowhere"), "nowhere"),
        (("table2", "--dataset", "planted:3:3000000"), "less than or equal to 100000"),
        (("table2", "--dataset", "planted:3", "--domain", "films"), "it is for files"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["paper", *words, "--out", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_results_that_cannot_be_written_are_refused_first(tmp_path: Path) -> None:
    words = ("table2", "--dataset", "planted:3:20")
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        result = CliRunner().invoke(app, ["paper", *words, "--out", str(out)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "name a folder that can be written to" in result.stderr
        assert result.stderr.count("\n") == 1
