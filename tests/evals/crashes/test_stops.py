"""Ctrl-C and SIGTERM: the calls under way are waited for, kept, and never made again."""

import asyncio
import signal
import subprocess
import sys
import time
from random import Random

import pytest

from tests.support.training_process import NetworkPair, wait_until


@pytest.fixture
def records() -> int:
    """Return how many are enough for a few stops."""
    return 20


@pytest.mark.slow
async def test_a_run_that_is_stopped_makes_no_call_again(trained: NetworkPair) -> None:
    undisturbed = trained.train("undisturbed")
    before = trained.calls()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = _under_way(trained)
        process.send_signal(number)
        out, said = process.communicate()
        assert (process.returncode, out) == (code, ""), said
        assert "stopping after the calls under way; once more stops at once" in said
        assert said.endswith("stopped: the same command goes on where it stopped\n")
    with _under_way(trained) as process:  # nor where nobody reads what it says any more
        assert process.stderr
        process.stderr.close()  # as after `2>&1 | tee log`: a Ctrl-C ends tee as well
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    trained.train("disturbed")
    await trained.require_same()
    assert trained.calls() - before == undisturbed


def _under_way(trained: NetworkPair) -> subprocess.Popen[str]:
    """Start to train, and wait until calls have been made and others wait."""
    process, calls = trained.start("disturbed"), trained.calls()
    wait_until(lambda: trained.calls() > calls + 30)
    return process


@pytest.mark.slow
async def test_a_second_signal_does_not_wait(trained: NetworkPair) -> None:
    process = trained.start("disturbed")
    trained.endpoint.settings = trained.endpoint.settings.model_copy(update={"latency": 600.0})
    wait_until(lambda: trained.calls() > 0)
    assert _stop_twice(process) == 130


@pytest.mark.slow
async def test_an_interaction_that_is_cut_off_names_its_identity(trained: NetworkPair) -> None:
    trained.endpoint.settings = trained.endpoint.settings.model_copy(update={"latency": 600.0})
    user, positive, negative = trained.anyone()
    process = trained.run("interact", user, positive, negative, "-n", "disturbed")
    wait_until(lambda: trained.calls() > 0)
    assert _stop_twice(process, "with --id live:") == 130


def _stop_twice(process: subprocess.Popen[str], says: str = "") -> int:
    """Send a second signal as soon as the first was heard; return the exit code."""
    assert process.stderr
    process.send_signal(signal.SIGINT)
    while "once more" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert says in said
    return process.returncode


@pytest.mark.slow
async def test_signals_one_right_after_another_end_it_in_any_case(
    trained: NetworkPair, thorough: bool
) -> None:
    chance = Random(0)  # noqa: S311 - no secret
    for _ in range(6 if thorough else 2):
        process = trained.start("disturbed", concurrency=16)
        calls = trained.calls()
        wait_until(lambda: trained.calls() > calls)  # noqa: B023
        await asyncio.sleep(chance.uniform(0, 3))
        for _ in range(chance.randint(2, 4)):
            process.send_signal(chance.choice((signal.SIGINT, signal.SIGTERM)))
            await asyncio.sleep(chance.uniform(0, 0.05))
        _, said = process.communicate(timeout=60)
        assert process.returncode in (130, 143, -signal.SIGINT, -signal.SIGTERM), said
        assert "Traceback" not in said
    trained.train("undisturbed")
    trained.train("disturbed")
    await trained.require_same()


def test_a_signal_before_anything_has_begun_ends_it_without_a_word() -> None:
    words = [sys.executable, "-c", "import evals.cli; print(flush=True); evals.cli.main()"]
    for after in (0.1, 0.5, 0.9):
        with subprocess.Popen(  # noqa: S603 - ours
            words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(after)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode in (-signal.SIGINT, 130, 2)
        assert "Traceback" not in said
