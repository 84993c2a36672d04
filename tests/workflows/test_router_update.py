"""The router update: when it runs, and whom its messages reach, computed a second time."""

import pytest

from state.settings import NetworkSettings
from state.store.clients import list_clients
from state.store.networks import write_tau
from tests.support.database_rows import rows
from tests.support.equation4 import (
    attributes,
    buffers,
    compute,
    expected_buffer,
    messages_of,
)
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import BAD, WatchedModel
from workflows.recnet import RecNet
from workflows.training.driver import FIT, plan_training
from workflows.training.schedule import Record, cut_windows


async def plan(recnet: RecNet, name: str = "tiny") -> tuple[list[Record], dict[int, str]]:
    """Return the training records and all keys by id."""
    network = await recnet.network(name).record()
    records = await plan_training(recnet.resources, network, FIT["train+valid"])
    async with recnet.resources.pool.connection() as conn:
        keys = {client.id: client.key for client in await list_clients(conn, network.id)}
    return records, keys


async def feed(recnet: RecNet, record: Record, keys: dict[int, str]) -> int | None:
    """Run one record and return the window it set off."""
    out = await recnet.network("tiny").interact(
        user=keys[record.user],
        positive=keys[record.positive],
        negative=keys[record.negative],
        id=record.id,
    )
    return out["window"]


@pytest.mark.slow
async def test_the_update_runs_exactly_where_the_schedule_cuts(
    recnet: RecNet, model: WatchedModel
) -> None:
    """Also where a record failed: it keeps its place."""
    network_settings = NETWORK_SETTINGS.model_copy(
        update={"update_size": 6}
    )  # what two records without a common client
    network = await bootstrap_tiny(recnet, network_settings=network_settings)
    records, keys = await plan(recnet)
    failing = records[3]
    windows = list(cut_windows(records, network_settings.update_size))
    assert 6 in {len({c for r in window for c in r.clients}) for window in windows}
    assert len(windows) > 3
    cut = [record is window[-1] for window in windows for record in window]
    ran = []
    for record in records:
        model.script = lambda reply, _, bad=record is failing: (  # type: ignore[misc]
            BAD if bad and reply == "Predict" else None
        )
        ran.append(await feed(recnet, record, keys) is not None)
        (opened,) = await rows(recnet, "SELECT count(*) AS n FROM windows WHERE NOT done")
        assert opened["n"] == 0
    # The last window may be left waiting.
    assert ran[:-1] == cut[:-1]
    stored = await rows(recnet, "SELECT id, members FROM windows ORDER BY id")
    assert [row["id"] for row in stored] == list(range(1, sum(ran) + 1))
    for row, window in zip(stored, windows, strict=False):
        assert row["members"] == sorted({c for record in window for c in record.clients})
    failed = await rows(recnet, "SELECT id FROM interactions WHERE failure <> ''")
    assert [row["id"] for row in failed] == [failing.id]
    claims = await rows(recnet, "SELECT id FROM windows WHERE claimed_by = %s", failed[0]["id"])
    assert bool(claims) == cut[3]
    updates = await rows(
        recnet, "SELECT DISTINCT step FROM usage WHERE network_id = %s AND prompt = %s",
        network, "summarize",
    )  # fmt: skip
    assert {row["step"] for row in updates} <= {
        "bootstrap", *(f"window {row['id']}" for row in stored)
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "taus"),
    [
        ({"buffer_size": 2}, (0.25, 0.25)),
        ({"buffer_size": 1, "echo": True}, (0.1, 0.1)),
        ({}, (0.4, 0.1)),
        ({}, (0.1, 0.4)),
    ],
    ids=["one tau", "echo", "users far", "items far"],
)
async def test_messages_reach_exactly_whom_equation_4_names(
    recnet: RecNet,
    changed: dict[str, object],
    taus: tuple[float, float],
) -> None:
    network_settings = NetworkSettings.model_validate({**NETWORK_SETTINGS.model_dump(), **changed})
    network = await bootstrap_tiny(recnet, network_settings=network_settings)
    async with recnet.resources.pool.connection() as conn:
        await write_tau(conn, network, *taus)
    records, keys = await plan(recnet)
    updates = []
    for record in records[:8]:
        held = await attributes(recnet, network)
        expected = await buffers(recnet, network)
        window = await feed(recnet, record, keys)
        if window is None:
            continue
        expected |= {client: [] for client in record.clients}  # consumed before the update
        update = await compute(recnet, network, window, held, echo=network_settings.echo)
        routers = {row["id"]: row["owner"] for row in await messages_of(recnet, network)}
        for client, before in expected.items():
            expected[client] = expected_buffer(
                client, update, before, routers, network_settings.buffer_size
            )
        assert await buffers(recnet, network) == expected
        (row,) = await rows(recnet, "SELECT recipients FROM windows WHERE id = %s", window)
        assert row["recipients"] == len({c for to in update.expected.values() for c in to})
        updates.append(update)
    # The world is rich enough to tell: messages were sent, kept apart by tau, and echoed.
    assert len(updates) >= 3
    assert sum(len(to) for u in updates for to in u.expected.values()) > 0
    assert sum(u.too_far for u in updates) > 0
    assert sum(u.echoes for u in updates) > 0 or taus[0] < taus[1]
    assert sum(u.undecided for u in updates) == 0


async def test_a_client_is_sent_what_others_said_too(recnet: RecNet) -> None:
    """Echo is only a message made of nothing but the client's own attributes."""
    network = await bootstrap_tiny(recnet)
    records, keys = await plan(recnet)
    for record in records[:4]:
        await feed(recnet, record, keys)
    own = 0
    after = await buffers(recnet, network)
    held = await attributes(recnet, network)
    for row in await messages_of(recnet, network):
        own += sum(row["id"] in after[c] and bool(held[c] & set(row["attributes"])) for c in after)
    assert own > 0
