"""Ctrl-C and SIGTERM: the calls under way are waited for, kept, and never made again."""

import asyncio
import signal
import subprocess
import sys
import time
from random import Random

import pytest

from tests.evals.crashes.trained import Trained, wait_until


@pytest.fixture
def records() -> int:
    """Return how many are enough for a few stops."""
    return 40


@pytest.mark.long
async def test_a_run_that_is_stopped_makes_no_call_again(trained: Trained) -> None:
    undisturbed = trained.train("undisturbed")
    before = trained.calls()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)) * 2:
        process = trained.start("disturbed")
        calls = trained.calls()
        wait_until(lambda: trained.calls() > calls + 60)  # noqa: B023
        process.send_signal(number)
        out, said = process.communicate()
        assert (process.returncode, out) == (code, ""), said
        assert "stopping after the calls under way; once more stops at once" in said
        assert said.endswith("stopped: the same command goes on where it was\n")
    trained.train("disturbed")
    await trained.require_same()
    assert trained.calls() - before == undisturbed


@pytest.mark.long
async def test_a_second_signal_does_not_wait(trained: Trained) -> None:
    process = trained.start("disturbed")
    trained.endpoint.settings = trained.endpoint.settings.model_copy(update={"latency": 600.0})
    wait_until(lambda: trained.calls() > 0)
    process.send_signal(signal.SIGINT)
    while (line := process.stderr.readline() if process.stderr else "") and "once more" not in line:
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


@pytest.mark.long
async def test_signals_one_right_after_another_end_it_in_any_case(trained: Trained) -> None:
    chance = Random(0)  # noqa: S311 - no secret
    for _ in range(3):
        process = trained.start("disturbed", concurrency=16)
        calls = trained.calls()
        wait_until(lambda: trained.calls() > calls)  # noqa: B023
        await asyncio.sleep(chance.uniform(0, 3))
        for _ in range(chance.randint(2, 4)):
            process.send_signal(chance.choice((signal.SIGINT, signal.SIGTERM)))
            await asyncio.sleep(chance.uniform(0, 0.05))
        _, said = process.communicate(timeout=30)
        assert process.returncode in (130, 143, -signal.SIGINT, -signal.SIGTERM), said
        assert "Traceback" not in said
    trained.train("undisturbed")
    trained.train("disturbed")
    await trained.require_same()


def test_a_signal_before_anything_has_begun_ends_it_without_a_word() -> None:
    words = [sys.executable, "-c", "from evals.main import main; main()"]
    for after in (0.2, 0.6, 1.0):
        process = subprocess.Popen(words, text=True, stderr=subprocess.PIPE)  # noqa: S603 - ours
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode in (-signal.SIGINT, 2)
        assert "Traceback" not in said
