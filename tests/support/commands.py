"""Run `recnet` commands within the test's process."""

import json
from collections.abc import Mapping
from typing import Any

from typer.testing import CliRunner, Result

from evals.cli import app


def run_command(
    *words: str, code: int = 0, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> Result:
    """Run a command and check its exit code."""
    result = CliRunner().invoke(app, list(words), input=stdin, env=env)
    assert result.exit_code == code, result.output
    return result


def run_json(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """Run a command with `--json` and return what it printed."""
    return json.loads(run_command(*words, "--json", code=code).stdout)
