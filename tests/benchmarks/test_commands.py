"""`recnet bench serve` as a person types it."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.commands import bench
from tests.support.model_server_clients import KEY, ask, client, in_process, prompt
from tests.support.paths import ROOT

_RUN = "from benchmarks.commands import bench; bench()"


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run the command in a process of its own, and yield it with what it tells to set."""
    words = [sys.executable, "-W", "error", "-c", _RUN, "serve", "--port", "0", *options]
    with subprocess.Popen(  # noqa: S603 - our own words
        words,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield process, dict(word.split("=", 1) for word in shlex.split(line))
        finally:
            process.kill()


@pytest.mark.slow
async def test_it_serves_as_told_until_it_is_interrupted() -> None:
    faulty = ("--faults", "1", "--kind", "server_error", "--in-a-row", "1")
    with served("--key", KEY, "--model", "tiny", *faulty) as (process, told):
        assert told["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
        assert told["OPENAI_API_KEY"] == KEY
        assert told["RECNET_MODEL"] == "openai:tiny"
        async with client(told["OPENAI_BASE_URL"], key=told["OPENAI_API_KEY"]) as opened:
            with pytest.raises(openai.InternalServerError):
                await ask(opened, model="tiny")
            reply = await ask(opened, model="tiny")
        assert reply.choices[0].message.content == in_process(prompt()).text
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (0, "", "")


@pytest.fixture
def mounted() -> typer.Typer:
    parent = typer.Typer()
    parent.add_typer(bench, name="bench")
    return parent


def test_its_help_says_what_the_model_is_not(mounted: typer.Typer) -> None:
    shown = CliRunner().invoke(mounted, ["bench", "serve", "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "no language model" in shown.output


def test_a_port_in_use_is_told_in_one_line(mounted: typer.Typer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shown = CliRunner().invoke(mounted, ["bench", "serve", "--port", port])
    assert shown.exit_code == 1
    assert shown.stderr.strip() == (
        f"recnet: --port {port}: Address already in use; 0 takes a free one"
    )


def test_without_the_extra_it_says_what_to_install(
    mounted: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "tests.support.model_server.serving", raising=False)
    shown = CliRunner().invoke(mounted, ["bench", "serve"])
    assert shown.exit_code == 1
    assert "make install" in shown.stderr
