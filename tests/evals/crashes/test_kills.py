"""`kill -9` of the program or of the database, at any moment: nothing twice, nothing lost."""

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import psycopg
import pytest

from state.db.embedded import start_server
from state.errors import DatabaseError
from tests.support.model_server.serving import RunningServer
from tests.support.training_process import IN_FLIGHT, NetworkPair, wait_until


@pytest.fixture
def records(thorough: bool) -> int:
    """Return how many are learned from over all kills."""
    return 100 if thorough else 20


@pytest.mark.slow
async def test_a_run_that_is_killed_many_times_ends_as_if_it_had_not_been(
    trained: NetworkPair, thorough: bool
) -> None:
    most = 25 if thorough else 5
    undisturbed = trained.train("undisturbed")
    chance = Random(0)  # noqa: S311 - no secret
    before, kills = trained.calls(), 0
    while trained.settled("disturbed") < len(trained.interactions("undisturbed")):
        process = trained.start("disturbed")
        kills += killed(trained, process, chance.uniform(0, 0.8)) if kills < most else 0
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said
    trained.train("disturbed")  # a router update may have been left
    assert kills == most
    await trained.require_same()
    extra = trained.calls() - before - undisturbed
    print(f"{kills} kills: {extra} calls beyond {undisturbed}")  # noqa: T201 - a figure
    assert 0 < extra <= kills * IN_FLIGHT


def killed(trained: NetworkPair, process: subprocess.Popen[str], after: float) -> int:
    """Kill a run so many seconds after its first call; return 0 where it had ended by then."""
    calls = trained.calls()
    wait_until(lambda: trained.calls() > calls or process.poll() is not None)
    time.sleep(after)
    if process.poll() is not None:
        return 0
    process.kill()
    return 1


@pytest.mark.slow
async def test_a_run_outlasts_a_database_that_is_killed(
    home: Path, endpoint: RunningServer, records: int, thorough: bool
) -> None:
    kills = 5 if thorough else 2
    trained = NetworkPair(start_server(home), endpoint, records)
    await trained.bootstrap()
    undisturbed = trained.train("undisturbed")
    chance = Random(1)  # noqa: S311 - no secret
    before = trained.calls()
    process = trained.start("disturbed")
    for _ in range(kills):
        calls = trained.calls()
        wait_until(lambda: trained.calls() > calls + 50 or process.poll() is not None)  # noqa: B023
        await asyncio.sleep(chance.uniform(0, 0.5))
        if process.poll() is not None:
            pytest.fail(process.communicate()[1])
        kill_server(home)
        await asyncio.sleep(chance.uniform(0, 2))
        restart(home)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert said.count("waiting for it") >= kills
    await trained.require_same()
    extra = trained.calls() - before - undisturbed
    print(f"{kills} kills: {extra} calls beyond {undisturbed}")  # noqa: T201 - a figure
    assert 0 <= extra <= kills * IN_FLIGHT


def kill_server(home: Path) -> None:
    pid = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
    os.kill(pid, signal.SIGKILL)


def restart(home: Path) -> None:
    """Start the server again; until nothing is left of the killed one, that may fail."""

    def started() -> bool:
        with suppress(DatabaseError, psycopg.OperationalError):
            psycopg.connect(start_server(home)).close()
            return True
        return False

    wait_until(started)
