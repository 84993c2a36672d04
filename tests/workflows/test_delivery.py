"""Reception on delivery: what an update sends is merged by it, and credit finds it all the same."""

import asyncio
import logging
from typing import Any

import numpy as np
import pytest

from state.domain import ModuleKind
from state.store.clients import read_clients
from tests.support.database_rows import calls, rows, trace_all
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import BAD, WatchedModel
from workflows.inspect import view_client
from workflows.recnet import RecNet

LOUD = NETWORK_SETTINGS.model_copy(update={"tau": -1.0, "echo": True, "reception": "delivery"})
"""Whoever shares an attribute hears."""


async def held(recnet: RecNet) -> dict[int, list[int]]:
    found = await rows(recnet, "SELECT client_id, messages FROM buffers WHERE messages <> '{}'")
    return {row["client_id"]: row["messages"] for row in found}


async def filter_decisions(recnet: RecNet) -> list[dict[str, Any]]:
    return await rows(recnet, "SELECT * FROM filter_decisions ORDER BY message_id, client_id")


async def test_what_is_sent_is_merged_by_the_update_that_sends_it(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet, network_settings=LOUD)
    await recnet.network("tiny").train(limit=2)
    assert await held(recnet) == {}
    merged = await filter_decisions(recnet)
    assert len(merged) > 3
    assert {(v["interaction_id"], v["window_id"]) for v in merged} == {(None, 1)}
    (update,) = await rows(recnet, "SELECT id, recipients FROM windows")
    assert update["recipients"] == len({v["client_id"] for v in merged})
    versions = await rows(
        recnet, "SELECT owner, content FROM module_versions WHERE window_id = 1 "
        "AND author = 'reception' AND interaction_id IS NULL",
    )  # fmt: skip
    assert {row["owner"] for row in versions} <= {v["client_id"] for v in merged if v["accepted"]}
    assert versions
    async with recnet.resources.pool.connection() as conn:
        clients = await read_clients(conn, network, [row["owner"] for row in versions])
        cursor = await conn.execute("SELECT client_id, embedding FROM client_vectors", binary=True)
        vectors = {row["client_id"]: row["embedding"] for row in await cursor.fetchall()}
    embedded = await recnet.resources.encoder.embed([client.profile for client in clients])
    for client, row, vector in zip(clients, versions, embedded, strict=True):
        assert client.profile == row["content"]
        assert np.allclose(vectors[client.id].to_numpy(), vector, atol=1e-6)
    # They were not changed by an interaction, so they wait for no update.
    assert await rows(recnet, "SELECT 1 FROM pending_clients") == []
    assert (await calls(recnet, network, "window 1"))["merge"] == update["recipients"]


async def test_what_an_update_embeds_is_embedded_at_once(
    recnet: RecNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = recnet.resources.encoder
    embed, under_way, most = encoder.embed, 0, 0

    async def slowly(*given: Any) -> Any:  # noqa: ANN401 - passed on
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        return await embed(*given)

    await bootstrap_tiny(recnet, network_settings=LOUD)
    monkeypatch.setattr(encoder, "embed", slowly)
    await recnet.network("tiny").train(limit=2, concurrency=1)
    assert most >= 2, "profiles that were merged, and new attributes or routers"


@pytest.mark.slow
async def test_the_next_interaction_takes_up_what_was_merged_and_credit_reaches_its_sender(
    recnet: RecNet,
) -> None:
    await bootstrap_tiny(recnet, network_settings=LOUD)
    await recnet.network("tiny").train()
    merged = await filter_decisions(recnet)
    taken_up = {(v["interaction_id"], v["client_id"]) for v in merged if v["interaction_id"]}
    assert len(taken_up) > 5
    records = {row["id"]: row for row in await rows(recnet, "SELECT * FROM interactions")}
    for interaction, client in taken_up:
        record = records[interaction]
        assert client in (record["user_id"], record["positive_id"], record["negative_id"])
    told = 0
    for identity, traced in (await trace_all(recnet)).items():
        of_this = [v for v in merged if v["interaction_id"] == identity]
        assert len(traced.messages) == len(of_this)
        assert {m.window for m in traced.messages} == {v["window_id"] for v in of_this}
        kinds = {g.name.partition(":")[0] for g in traced.gradients}
        senders = {m.sender for m in traced.messages}
        assert {g.name for g in traced.gradients if g.name in senders} == senders
        assert ("rules" in kinds) == bool(of_this)
        told += len(of_this)
    assert told == sum(v["interaction_id"] is not None for v in merged)
    used = await rows(recnet, "SELECT module FROM gradients WHERE status IN ('applied', 'pending')")
    assert {ModuleKind.ROUTER, ModuleKind.FILTER_MEMORY} <= {row["module"] for row in used}


@pytest.mark.slow
async def test_a_bad_reply_leaves_the_message_for_the_next_interaction(
    recnet: RecNet, model: WatchedModel, caplog: pytest.LogCaptureFixture
) -> None:
    await bootstrap_tiny(recnet, network_settings=LOUD)
    model.script = lambda reply, _: BAD if reply == "Merge" else None
    with caplog.at_level(logging.WARNING):
        await recnet.network("tiny").train(limit=2)
    waiting = await held(recnet)
    assert len(waiting) > 2
    assert sum("keeps its messages" in r.message for r in caplog.records) == len(waiting)
    assert await filter_decisions(recnet) == []
    model.script = lambda *_: None
    await recnet.network("tiny").train(limit=1)
    (record,) = await rows(
        recnet, "SELECT * FROM interactions ORDER BY created_at DESC, id DESC LIMIT 1"
    )
    its = {record["user_id"], record["positive_id"], record["negative_id"]} & waiting.keys()
    own = {
        v["client_id"]
        for v in await filter_decisions(recnet)
        if v["interaction_id"] == record["id"]
    }
    assert own == its != set()


@pytest.mark.slow
async def test_a_pinned_profile_stays_and_its_messages_wait(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet, network_settings=LOUD)
    await recnet.network("tiny").copy("other")
    await recnet.network("tiny").train(limit=2)
    hearer = (await filter_decisions(recnet))[0]["client_id"]
    (client,) = await rows(
        recnet, "SELECT kind || ':' || key AS name FROM clients WHERE id = %s LIMIT 1", hearer
    )
    await recnet.network("other").pin(client["name"])
    await recnet.network("other").train(limit=2)
    assert hearer in await held(recnet)


@pytest.mark.slow
async def test_a_person_sees_what_was_merged_and_by_which_update(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet, network_settings=LOUD)
    await recnet.network("tiny").train(limit=2)
    network = await recnet.network("tiny").record()
    merged = await filter_decisions(recnet)
    async with recnet.resources.pool.connection() as conn:
        (client,) = await read_clients(conn, network.id, [merged[0]["client_id"]])
        view = await view_client(conn, network, client.kind, client.key)
    assert [f"router:{m.sender.owner}" for m in client.merged_on_delivery] == [
        m.sender for m in view.merged_on_delivery
    ]
    assert view.messages == ()
    assert view.versions[-1].window_id == 1


@pytest.mark.slow
async def test_the_same_network_at_any_concurrency_and_another_than_with_buffers(
    recnet: RecNet,
) -> None:
    await bootstrap_tiny(recnet, network_settings=LOUD)
    for name, changed in (("one", {}), ("eight", {}), ("buffers", {"reception": "buffer"})):
        await recnet.network("tiny").copy(name, **changed)
        await recnet.network(name).train(concurrency=1 if name == "one" else 8)
    one, eight, buffers = [
        await recnet.network(name).digest() for name in ("one", "eight", "buffers")
    ]
    assert one == eight != buffers
