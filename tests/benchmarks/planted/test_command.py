"""`python -m benchmarks.planted`: what it refuses before anything is trained."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.planted.__main__ import app

_RANGE = "give the first and the last of 2 to 20 worlds"


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ("3", _RANGE),
        ("9-3", _RANGE),
        ("5-14", "a study may not mix them"),
        ("0-99", _RANGE),
        (f"0-{10**20}", _RANGE),
    ],
)
def test_worlds_that_make_no_sense_are_one_line(seeds: str, says: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--seeds", seeds, "--out", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_results_that_cannot_be_written_are_refused_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        result = CliRunner().invoke(app, ["--out", str(out)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "name a folder that can be written to" in result.stderr
        assert result.stderr.count("\n") == 1
