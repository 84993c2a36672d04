"""An endpoint that gives nothing usable any more: every record fails, and nothing is applied."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from state.domain import EMBEDDING, REASON_LENGTH
from state.settings import Settings
from state.store.interactions import list_interactions
from tests.support.commands import run_command, run_json
from tests.support.database_rows import rows
from tests.support.http_network import MODEL, bootstrap_books, dump_tables
from tests.support.model_server.faults import Fault
from tests.support.model_server.serving import RunningServer
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import bootstrap_tiny
from workflows.commands.console import FAILED_RECORDS
from workflows.recnet import RecNet

RECORDS = 20
UNUSABLE = ModelServerSettings(
    faults=1.0,
    kinds=frozenset(Fault) - {Fault.PROSE, Fault.THINK},
    seed=3,
    in_a_row=None,
    hang=2,
)
WHAT_HAPPENED = ("interactions", "pending_clients", "windows")
"""Parts of the dump that say which records there were, not what was learned."""
NOT_APPLIED = {"clients", "module_versions", "buffers", "messages", "gradients", "routers"}
_LENGTH = REASON_LENGTH + 50  # the prompt's name stands before the reason


def assert_bounded(reason: str) -> None:
    assert "no usable reply: " in reason
    assert len(reason) <= _LENGTH
    assert len(reason.splitlines()) == 1


@pytest.mark.slow
async def test_every_record_is_marked_failed_and_all_are_learned_once_it_is_good_again(
    settings: Settings, endpoint: RunningServer, http: Settings
) -> None:
    async with RecNet.open(http) as recnet:
        network = await bootstrap_books(recnet)
        before = await dump_tables(recnet, network, *WHAT_HAPPENED)
        (mark,) = await rows(recnet, "SELECT max(id) AS id FROM usage")
    assert before.keys() >= NOT_APPLIED
    asked_before = endpoint.counts.requests

    endpoint.settings = UNUSABLE
    hasty = http.model_copy(update={"timeout": 0.2, "structured_output": "json_schema"})
    async with RecNet.open(hasty) as recnet:
        report = await recnet.network("books").train(limit=RECORDS)
        assert (report.run, report.settled, report.failed) == (RECORDS, RECORDS, RECORDS)
        assert report.windows >= 5
        assert report.reward is None
        assert await dump_tables(recnet, network, *WHAT_HAPPENED) == before
        async with recnet.resources.pool.connection() as conn:
            marked = await list_interactions(conn, network)
        used = await rows(recnet, "SELECT * FROM usage WHERE id > %s", mark["id"])
    assert len(marked) == RECORDS
    for one in marked:
        assert_bounded(one.failure)
        assert (one.reward, one.predicted_id, one.reason) == (None, None, "")
    assert {row["outcome"] for row in used} == {"bad_reply"}
    assert all(0 < row["attempts"] <= most_attempts(row, settings) for row in used)
    # A request that was given up early may not have come as far as the server.
    assert endpoint.counts.requests - asked_before <= sum(row["attempts"] for row in used)
    assert endpoint.counts.faults.keys() == UNUSABLE.kinds

    endpoint.settings = ModelServerSettings()
    async with RecNet.open(http) as recnet:
        again = await recnet.network("books").retry()
        assert (again.run, again.learned, again.failed) == (RECORDS, RECORDS, {})
        assert (await recnet.network("books").train(limit=0)).failed == 0
        after = await dump_tables(recnet, network, *WHAT_HAPPENED)
    assert all(after[table] != before[table] for table in NOT_APPLIED)


def most_attempts(row: Mapping[str, Any], settings: Settings) -> int:
    """Return how many requests one row of usage may stand for."""
    return (
        settings.request_attempts
        if row["prompt"] == EMBEDDING
        else settings.reply_attempts * settings.request_attempts
    )


@pytest.mark.slow
@pytest.mark.usefixtures("typed_http")
def test_commands_say_so_by_a_line_and_an_exit_code(
    http: Settings, endpoint: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found() -> None:
        async with RecNet.open(http) as recnet:
            await bootstrap_tiny(recnet)

    asyncio.run(found())
    endpoint.settings = UNUSABLE
    monkeypatch.setenv("RECNET_TIMEOUT", "0.2")
    report = run_json("train", "-n", "tiny", "--limit", "3", code=FAILED_RECORDS)
    assert (report["run"], report["failed"], report["stopped"]) == (3, 3, "")
    shown = run_command("train", "-n", "tiny", "--limit", "0", code=FAILED_RECORDS)
    assert "3 records failed" in shown.stderr
    retried = run_json("retry", "-n", "tiny", code=FAILED_RECORDS)
    assert (retried["run"], retried["learned"]) == (3, 0)
    assert len(retried["failed"]) == 3
    for reason in retried["failed"].values():
        assert_bounded(reason)

    endpoint.settings = ModelServerSettings()
    monkeypatch.delenv("RECNET_TIMEOUT")
    again = run_command("retry", "-n", "tiny").stdout.splitlines()
    assert again[0] == "3 run again, 3 learned, 0 not"
    assert again[1].startswith("this run: ")
    assert run_json("train", "-n", "tiny")["failed"] == 0
    (asked,) = run_json("usage", "-n", "tiny", "--by", "model")["usage"]
    assert asked["name"] == MODEL
    assert asked["bad"] >= 6  # three records, run twice
