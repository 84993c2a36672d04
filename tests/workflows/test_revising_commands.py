"""Revising from the command line: a module by its name, an editor, one line of what came of it."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evals.cli import app
from evals.datasets.registry import SAMPLE

NETWORK = ("--network", "mine")


def run(*words: str, code: int = 0, text: str | None = None) -> Result:
    result = CliRunner().invoke(app, [*words, *NETWORK], input=text)
    assert result.exit_code == code, result.output
    return result


def editor(folder: Path, script: str) -> str:
    """Return an editor that changes its file by a line of Python; `old` is what it held."""
    program = folder / "editor.py"
    program.write_text(
        f"import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\nold = file.read_text()\n{script}\n"
    )
    return f"python {program}"


@pytest.fixture
def mine(database: str) -> str:  # noqa: ARG001 - it empties the database
    run("load", str(SAMPLE), "--domain", "books")
    run("bootstrap")
    return "mine"


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_a_module_is_edited_rolled_back_and_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = json.loads(run("show", "router", "1", "--json").stdout)
    monkeypatch.setenv(
        "EDITOR", editor(tmp_path, "file.write_text(old.rstrip() + ' And sea songs.')")
    )
    monkeypatch.delenv("VISUAL", raising=False)
    assert run("edit", "router:1", "--note", "by ear").stdout == (
        "router:1 is at version 2 now (edit)\n"
    )
    edited = json.loads(run("show", "router", "1", "--json").stdout)
    assert edited["profile"] == shown["profile"] + " And sea songs."
    assert edited["versions"][-1]["note"] == "by ear"
    assert "version 3 now (rollback)" in run("rollback", "router:1", "--to", "1").stdout
    assert "is so already, at version 3" in run("rollback", "router:1", "--to", "1").stdout
    assert "version 4 now (pin)" in run("pin", "router:1").stdout
    assert "router:1 is pinned" in run("show", "router", "1").stdout
    assert "pinned: router:1" in run("show").stdout
    unpinned = json.loads(run("unpin", "router:1", "--json").stdout)
    assert (unpinned["version"], unpinned["author"], unpinned["changed"]) == (5, "unpin", True)


@pytest.mark.usefixtures("mine")
def test_rules_come_from_standard_input() -> None:
    user = json.loads(run("show", "interactions", "--json").stdout)
    assert user == []
    run("edit", "rules:router:1", "--text", "x", code=1)
    run("edit", "rules:item:book-01", "--text", "-", text="Keep out [red]gossip[/red].\n")
    assert "Keep out [red]gossip[/red]." in run("show", "item", "book-01").stdout


@pytest.mark.usefixtures("mine")
def test_what_was_written_in_the_editor_is_never_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("EDITOR", editor(tmp_path, "file.write_text('long ' * 1000)"))
    monkeypatch.delenv("VISUAL", raising=False)
    said = run("edit", "router:1", code=1).stderr.splitlines()
    assert said[0] == "recnet: the text has 4999 characters, at most 1500 are kept"
    kept = Path(said[1].removeprefix("what you wrote is kept in "))
    assert kept.read_text() == "long " * 1000
    monkeypatch.setenv("EDITOR", editor(tmp_path, ""))
    assert "nothing changes" in run("edit", "router:1").stderr
    monkeypatch.setenv("EDITOR", os.devnull)
    assert run("edit", "router:1", code=1).stderr == (
        f"recnet: EDITOR={os.devnull}: no such program; set it to an editor, or give --text\n"
    )
