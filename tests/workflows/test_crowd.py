"""Live runs at once on the same clients: nothing is lost, and no rewrite is paid for twice."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from random import Random

import pytest

from state.db.locks import WAIT_SECONDS, Locks
from state.randomness import draw
from tests.support.database_rows import calls, rows
from tests.support.live_runs import (
    USERS,
    SlowModel,
    audit_tiny,
    draw_record,
    profile_versions,
)
from tests.support.model_server.serving import serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import BAD, PowerCutError, Script, WatchedModel, cut_once
from workflows.recnet import RecNet

OPTIMIZERS = ("optimize_profile", "optimize_filter_memory")


@pytest.fixture
def model() -> WatchedModel:
    return SlowModel()


async def learn_at_once(recnet: RecNet, records: dict[str, dict[str, str]]) -> None:
    await asyncio.gather(
        *(recnet.network("tiny").interact(id=name, **one) for name, one in records.items())
    )


@pytest.mark.slow
async def test_a_popular_item_is_rewritten_by_all_and_once_by_each(recnet: RecNet) -> None:
    network = await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"update_size": 100})
    )
    records = {user: {"user": user, "positive": "j2", "negative": "m1"} for user in USERS}
    await learn_at_once(recnet, records)
    audit = await audit_tiny(recnet, records)
    assert audit.faults == ()
    assert (audit.finished, audit.failed) == (len(records), {})
    assert audit.paid == audit.needed
    assert len(await profile_versions(recnet, network, "j2")) > len(records) / 2


async def refuse(*_: object, **__: object) -> bool:
    """Stand for a database that allows no connection for locks."""
    return False


@pytest.mark.slow
async def test_without_locks_they_only_pay_more(
    recnet: RecNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    monkeypatch.setattr(Locks, "try_acquire", refuse)
    records = {user: {"user": user, "positive": "j2", "negative": "m1"} for user in USERS[:3]}
    await learn_at_once(recnet, records)
    audit = await audit_tiny(recnet, records)
    assert audit.faults == ()
    assert audit.finished == len(records)
    assert sum(audit.paid.values()) > sum(audit.needed.values())


@pytest.mark.slow
async def test_a_run_that_ends_in_any_way_holds_up_nobody(
    recnet: RecNet, model: WatchedModel
) -> None:
    """Cut off or cancelled while it held its locks; WAIT_SECONDS is far longer than this test."""
    await bootstrap_tiny(recnet)
    record = {"positive": "j2", "negative": "m1"}
    rewriting = asyncio.Event()

    def tell(reply: str, text: str) -> str | None:  # noqa: ARG001
        if reply == "OptimizedProfile":
            rewriting.set()
        return None

    async def stop_at_rewriting() -> None:
        run = recnet.network("tiny").interact(user="bob", id="stopped", **record)
        stopped = asyncio.create_task(run)
        await rewriting.wait()
        stopped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopped

    async with asyncio.timeout(WAIT_SECONDS / 3):
        model.script = cut_once("OptimizedProfile")
        with pytest.raises(PowerCutError):
            await recnet.network("tiny").interact(user="ann", id="cut", **record)
        model.script = tell
        await stop_at_rewriting()
        for name, user in (("next", "cid"), ("stopped", "bob"), ("cut", "ann")):
            await recnet.network("tiny").interact(user=user, id=name, **record)
    assert (await audit_tiny(recnet, ["cut", "stopped", "next"])).faults == ()


def fails_updates(chance: Random) -> Script:
    """Return a script by which a quarter of the calls of router updates fail, in some way."""

    def script(reply: str, text: str) -> str | None:  # noqa: ARG001
        if reply not in ("Extract", "OptimizedRouter", "Summarize") or chance.random() > 0.25:
            return None
        if chance.random() < 0.5:
            return BAD
        raise PowerCutError(reply)

    return script


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_concurrent_runs_that_fail_or_repeat_leave_a_consistent_network(
    recnet: RecNet, model: WatchedModel, seed: int
) -> None:
    """Six at once; updates fail, runs are cancelled, identities are sent again, also at once."""
    chance = draw(seed, "crowd")
    await bootstrap_tiny(recnet)
    records = {f"r{n}": draw_record(chance) for n in range(36)}
    todo = [name for name in records for _ in range(chance.choice((1, 1, 1, 2)))]
    waiting = iter(todo)

    async def go_on() -> None:
        for name in waiting:
            for patience in (chance.choice((0.05, 0.3, 1.0)), 60.0):
                try:
                    async with asyncio.timeout(patience):
                        await recnet.network("tiny").interact(id=name, **records[name])
                    break
                except (TimeoutError, PowerCutError):
                    pass

    model.script = fails_updates(chance)
    await asyncio.gather(*(go_on() for _ in range(6)))
    model.script = WatchedModel().script
    for name, one in records.items():
        out = await recnet.network("tiny").interact(id=name, **one)
        assert out["failure"] == ""
    while await rows(recnet, "SELECT 1 FROM windows WHERE NOT done"):
        assert await recnet.network("tiny").update_routers()
    audit = await audit_tiny(recnet, records)
    assert audit.faults == ()
    assert audit.finished == len(records)


async def command(*words: str, env: dict[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "evals.cli",
        *words,
        env={**os.environ, **env},
        stdout=PIPE,
        stderr=PIPE,
    )


async def ended_well(processes: list[Process]) -> list[str]:
    """Return what commands printed, all of which must have succeeded."""
    said = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return [out.decode() for out, _ in said]


@pytest.mark.slow
async def test_one_identity_from_several_processes_is_paid_once(
    recnet: RecNet, server: str
) -> None:
    network = await bootstrap_tiny(recnet)
    with serving(ModelServerSettings(latency=0.3)) as endpoint:
        env = {
            "RECNET_DATABASE_URL": server,
            "RECNET_MODEL": "openai:offline",
            "OPENAI_BASE_URL": endpoint.url,
        }
        words = ("interact", "ann", "j2", "m1", "-n", "tiny", "--id", "same")
        said = await ended_well([await command(*words, env=env) for _ in range(4)])
    assert sum("settled before" in line for line in said) == 3
    paid = await calls(recnet, network, "same")
    assert (paid["predict"], paid["gradient"]) == (1, 1)
    assert (await audit_tiny(recnet, ["same"])).paid == (await audit_tiny(recnet, ["same"])).needed


@pytest.mark.slow
async def test_many_commands_may_start_the_embedded_server_at_once(home: Path) -> None:
    env = {"RECNET_HOME": str(home)}
    processes = [await command("networks", "--json", env=env) for _ in range(8)]
    assert {line.strip() for line in await ended_well(processes)} == {"[]"}
