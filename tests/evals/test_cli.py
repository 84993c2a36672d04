"""The table of commands: complete, true, and quick to list."""

import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import COMMANDS, Commands, app, load_command
from tests.support.paths import ROOT

SHARED = {"__init__", "console", "progress", "reading", "signals"}
"""Files in the folders of commands that are no command."""
SLOW = {"langchain", "langchain_core", "langgraph", "numpy", "openai", "psycopg", "scipy"}


def test_every_file_of_a_command_is_in_the_table() -> None:
    for package in ("workflows.commands", "evals.commands"):
        (folder,) = import_module(package).__path__
        files = {path.stem for path in Path(folder).glob("*.py")} - SHARED
        assert files == {
            module.rpartition(".")[2]
            for module, _ in COMMANDS.values()
            if module.startswith(package)
        }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    assert COMMANDS[name][1] == load_command(name).get_short_help_str(limit=200)


def test_no_line_of_the_list_is_cut() -> None:
    for command in Commands().commands.values():
        assert not command.get_short_help_str(limit=62).endswith("...")


def test_the_list_imports_no_slow_library() -> None:
    code = (
        "import sys, evals.cli, workflows.commands.console\n"
        "try: evals.cli.app(['--help'])\n"
        "except SystemExit: print(*sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "Train on the records in order." in done.stdout
    assert not SLOW & set(done.stdout.splitlines()[-1].split())


def test_help_is_printed_within_a_second_and_a_half() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        words = [sys.executable, "-m", "evals.cli", "--help"]
        subprocess.run(words, capture_output=True, check=True, cwd=ROOT)  # noqa: S603 - ours
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 1.5


def test_a_command_is_in_the_file_of_its_name() -> None:
    files = {name: module.rpartition(".")[2] for name, (module, _) in COMMANDS.items()}
    assert {name for name, file in files.items() if file != name} == {"unpin", "bench"}
    assert files["unpin"] == "pin"


def test_the_version_is_printed() -> None:
    printed = CliRunner().invoke(app, ["--version"])
    assert printed.exit_code == 0
    assert printed.stdout == f"recnet {version('recnet')}\n"
