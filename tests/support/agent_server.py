"""A real `langgraph dev` for the time of a block."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx

from tests.support.paths import ROOT

_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0
_QUIET = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
}


@contextmanager
def agent_server(folder: Path, **environment: str) -> Iterator[str]:
    """Serve the graphs of `langgraph.json` and yield the address.

    What the server leaves behind (`.langgraph_api`, its log) lands in `folder`, where there is no
    `.env` either. Its whole process group is gone at the end.
    """
    port = _free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [
                str(Path(sys.executable).with_name("langgraph")),
                "dev",
                *("--config", str(ROOT / "langgraph.json")),
                *("--port", str(port)),
                *("--no-browser", "--no-reload"),
            ],
            cwd=folder,
            env={**os.environ, **_QUIET, "PYTHONPATH": str(ROOT), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, url, log)
            yield url
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = monotonic() + _READY_SECONDS
    while monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/ok", timeout=1).is_success:
                return
        except httpx.TransportError:
            sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-4_000:]
    raise AssertionError(f"the server is not ready (exit code {process.poll()}):\n{said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for stroke in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, stroke)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait(_STOP_SECONDS)
