"""Ctrl-C and SIGTERM: the calls under way are waited for, kept, and never made again."""

import signal

import pytest

from tests.evals.crashes.trained import Trained, wait_until


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
