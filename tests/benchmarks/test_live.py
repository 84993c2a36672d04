"""`recnet bench live`: what it runs, what it counts, and that its audit sees what is wrong."""

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from benchmarks.audit import audit_network
from benchmarks.live import LiveReport, LiveSettings, draw_records
from evals.cli import app
from tests.support.database_rows import rows
from tests.support.tiny_network import bootstrap_tiny
from workflows.recnet import RecNet

ITEMS = [f"i{n}" for n in range(100)]
USERS = ["ann", "bob", "cid"]
SMALL = (
    "--records", "12", "--processes", "2", "--concurrency", "2", "--latency", "0",
    "--users", "10", "--items", "36", "--update-size", "8",
)  # fmt: skip


def test_few_items_are_in_most_records() -> None:
    records = draw_records(LiveSettings(records=1_000), USERS, ITEMS)
    assert all(record.positive != record.negative for record in records)
    assert {record.user for record in records} == set(USERS)
    drawn = Counter(key for r in records for key in (r.positive, r.negative))
    (_, first), (_, second) = drawn.most_common(2)
    assert first > 1.5 * second > 3 * drawn.total() / len(ITEMS)
    assert records == draw_records(LiveSettings(records=1_000), USERS, ITEMS)
    alike = draw_records(LiveSettings(records=1_000, skew=0), USERS, ITEMS)
    (_, first), (_, second) = Counter(r.positive for r in alike).most_common(2)
    assert first < 1.5 * second


@pytest.mark.slow
def test_a_crowd_of_processes_pays_little_more_and_loses_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECNET_DATABASE_URL", database)
    shown = CliRunner().invoke(app, ["bench", "live", *SMALL, "--json"])
    assert shown.exit_code == 0, shown.output
    report = LiveReport.model_validate(json.loads(shown.stdout))
    for run in (report.quiet, report.crowded):
        assert run.audit.finished == 12
        assert (run.audit.faults, run.audit.failed, run.fed.errors, run.deadlocks) == (
            (),
            {},
            (),
            0,
        )
        assert run.audit.paid["predict"] == run.audit.needed["predict"] == 12
    assert report.quiet.audit.paid == report.quiet.audit.needed
    optimized = [p for p in report.crowded.audit.paid if p.startswith("optimize")]
    assert {p: report.crowded.audit.paid[p] for p in optimized} == {
        p: report.crowded.audit.needed[p] for p in optimized
    }
    left = CliRunner().invoke(app, ["networks", "--json"])
    assert json.loads(left.stdout) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM interactions WHERE id = 'a' RETURNING 1", "not there or not known: a"),
        ("UPDATE module_versions SET version = 9 WHERE version = 2 RETURNING 1", "with gaps"),
        ("UPDATE clients SET profile_version = 1 RETURNING 1", "newest version: "),
        ("DELETE FROM gradients WHERE module = 'user_profile' RETURNING 1", "each profile: a, "),
        ("UPDATE gradients SET status = 'pending' RETURNING 1", "clients that wait"),
        ("UPDATE gradients SET applied_version = 7 RETURNING 1", "without their version"),
        ("UPDATE gradients SET status = 'rejected', applied_to = NULL RETURNING 1", "gradient: "),
        (
            "UPDATE buffers b SET messages = ARRAY[v.message_id] FROM filter_decisions v "
            "WHERE v.client_id = b.client_id RETURNING 1",
            "still there, or twice",
        ),
        ("DELETE FROM pending_clients RETURNING 1", "no pending set knows: "),
        ("UPDATE windows SET done = false RETURNING 1", "left open"),
        ("UPDATE windows SET id = 5 RETURNING 1", "left out"),
    ],
)
async def test_the_audit_sees_what_does_not_fit(recnet: RecNet, change: str, fault: str) -> None:
    await bootstrap_tiny(recnet)
    for name, user, positive in (("a", "ann", "j2"), ("b", "bob", "j3"), ("c", "ann", "j4")):
        await recnet.network("tiny").interact(user=user, positive=positive, negative="m1", id=name)
    assert (await audit_network(recnet, "tiny", {"a", "b", "c"})).faults == ()
    assert await rows(recnet, change)
    faults = (await audit_network(recnet, "tiny", {"a", "b", "c"})).faults
    assert any(fault in line for line in faults), faults
