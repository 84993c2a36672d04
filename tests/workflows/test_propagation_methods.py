"""Propagation methods without routers: training, inspection, copies and bad replies."""

from typing import get_args

import pytest

from evals.datasets.registry import SAMPLE, read_dataset
from state.domain import ClientKind
from state.settings import NetworkSettings, Propagation
from state.store.network_diff import compare_networks
from tests.support.database_rows import calls, rows, trace_all
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import BAD, WatchedModel
from workflows.inspect import view_client
from workflows.recnet import RecNet

ROUTERLESS = ("em", "em+lr", "em+lr+ls", "clients")
ASKED = {
    "em": set(),
    "em+lr": {"choose_recipients"},
    "em+lr+ls": {"choose_recipients", "write_message"},
    "clients": {"address_clients"},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", ROUTERLESS)
async def test_routers_neither_learn_nor_speak(recnet: RecNet, method: str) -> None:
    network = await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"propagation": method})
    )
    before = await rows(recnet, "SELECT * FROM routers ORDER BY id")
    attributes = await rows(recnet, "SELECT client_id, attributes FROM client_vectors ORDER BY 1")
    await recnet.network("tiny").train(limit=6)
    assert await rows(recnet, "SELECT * FROM routers ORDER BY id") == before
    assert attributes == await rows(
        recnet, "SELECT client_id, attributes FROM client_vectors ORDER BY 1"
    )
    assert await rows(recnet, "SELECT 1 FROM gradients WHERE module = 'router'") == []
    steps = await rows(
        recnet, "SELECT DISTINCT prompt FROM usage WHERE network_id = %s AND step LIKE 'window %%' "
        "AND prompt <> 'embed'", network,
    )  # fmt: skip
    assert {row["prompt"] for row in steps} == ASKED[method]
    messages = await rows(recnet, "SELECT module, body FROM messages")
    assert {row["module"] for row in messages} <= {"user_profile", "item_profile"}
    assert {row["body"] is None for row in messages} == {method in ("em", "em+lr")}
    # Reception goes on as ever, and filter memories learn from it.
    assert (await calls(recnet, network))["merge"] > 0
    traces = (await trace_all(recnet)).values()
    heard = [message for traced in traces for message in traced.messages]
    assert {m.sender.partition(":")[0] for m in heard} <= {"user", "item"}
    assert heard
    rules = [g for traced in traces for g in traced.gradients if g.name.startswith("rules:")]
    assert rules


async def test_a_message_is_shown_with_the_client_that_sent_it(recnet: RecNet) -> None:
    await bootstrap_tiny(
        recnet,
        network_settings=NETWORK_SETTINGS.model_copy(
            update={"propagation": "em", "buffer_size": 50}
        ),
    )
    await recnet.network("tiny").train(limit=3)
    network = await recnet.network("tiny").record()
    waiting = await rows(
        recnet, "SELECT c.kind, c.key FROM buffers b JOIN clients c ON c.id = b.client_id "
        "WHERE b.messages <> '{}' ORDER BY c.id",
    )  # fmt: skip
    async with recnet.resources.pool.connection() as conn:
        for row in waiting:
            view = await view_client(conn, network, ClientKind(row["kind"]), row["key"])
            for message in view.messages:
                kind, key = message.sender.split(":")
                sender = await view_client(conn, network, ClientKind(kind), key)
                texts = {version.version: version.content for version in sender.versions}
                assert message.body == texts[message.version]
    assert waiting


@pytest.mark.slow
async def test_a_network_without_routers_is_copied_compared_and_dropped(
    recnet: RecNet,
) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(
        update={"propagation": "clients", "reception": "delivery"}
    )
    await bootstrap_tiny(recnet, network_settings=network_settings)
    await recnet.network("tiny").train(limit=4)
    copy = await recnet.network("tiny").copy("other")
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    await recnet.delete_finished_checkpoints()
    await recnet.network("tiny").train(limit=3)
    network = await recnet.network("tiny").record()
    async with recnet.resources.pool.connection() as conn:
        told = await compare_networks(conn, network, await copy.record())
    assert told.first_difference is not None
    assert {"messages", "filter_decisions"} <= {table.table for table in told.tables}
    (filter_decisions,) = (table for table in told.tables if table.table == "filter_decisions")
    assert all("None" not in row.name for row in filter_decisions.rows)
    await recnet.network("other").train(limit=3)
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    await recnet.network("other").drop()
    await recnet.network("tiny").drop()
    assert await rows(recnet, "SELECT 1 FROM filter_decisions") == []


@pytest.mark.slow
async def test_gradients_of_routers_wait_where_routers_do_not_speak(recnet: RecNet) -> None:
    await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"tau": -1.0, "echo": True})
    )
    await recnet.network("tiny").train(limit=9)
    waits = "SELECT interaction_id FROM gradients WHERE network_id = %s AND status = 'pending'"
    other = (await (await recnet.network("tiny").copy("other", propagation="em")).record()).id
    before = await rows(recnet, waits, other)
    await recnet.network("other").train()
    assert before
    assert await rows(recnet, waits, other) == before


@pytest.mark.parametrize("method", ["em+lr", "em+lr+ls", "clients"])
async def test_bad_replies_silence_a_client_and_not_the_network(
    recnet: RecNet, model: WatchedModel, method: str
) -> None:
    await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"propagation": method})
    )
    bad = {"em+lr": "ChooseRecipients", "em+lr+ls": "WriteMessage", "clients": "AddressClients"}[
        method
    ]
    model.script = lambda reply, _: BAD if reply == bad else None
    report = await recnet.network("tiny").train(limit=4)
    assert (report.run, report.failed) == (4, 0)
    assert await rows(recnet, "SELECT 1 FROM messages") == []
    assert await rows(recnet, "SELECT 1 FROM windows WHERE done")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "reception"),
    [
        ("routers", "delivery"),
        ("em+lr+ls", "delivery"),
        ("clients", "buffer"),
    ],
)
async def test_the_sample_is_the_same_network_at_any_concurrency(
    recnet: RecNet, method: str, reception: str
) -> None:
    await recnet.load("sample", read_dataset(SAMPLE, name="harbour", domain="books"))
    network_settings = NetworkSettings.model_validate(
        {"update_size": 12, "propagation": method, "reception": reception}
    )
    await recnet.network("sample").bootstrap(network_settings)
    await recnet.network("sample").copy("other")
    report = await recnet.network("sample").train(limit=12, concurrency=8)
    assert (report.run, report.failed) == (12, 0)
    await recnet.network("other").train(limit=12, concurrency=1)
    assert await recnet.network("sample").digest() == await recnet.network("other").digest()
    (told,) = await rows(recnet, "SELECT sum(recipients) AS n FROM windows")
    assert told["n"] > 30


@pytest.mark.slow
async def test_what_a_model_chooses_writes_or_is_shown_makes_another_network(
    recnet: RecNet,
) -> None:
    """In the tiny world the offline model would say the same each time."""
    await recnet.load("sample", read_dataset(SAMPLE, name="harbour", domain="books"))
    await recnet.network("sample").bootstrap(NetworkSettings(update_size=12))
    digests = {}
    for changed in (
        {},
        {"propagation": "em"},
        {"propagation": "em+lr"},
        {"propagation": "em+lr+ls"},
        {"propagation": "clients"},
        {"credit": "module"},
        {"router_evidence": "effects"},
    ):
        name = " ".join(["with", *changed, *changed.values()])
        await recnet.network("sample").copy(name, **changed)
        await recnet.network(name).train(limit=30)
        digests[name] = await recnet.network(name).digest()
    assert len(set(digests.values())) == len(digests)


def test_every_propagation_method_is_tried() -> None:
    assert set(get_args(Propagation)) == {"routers", "none", "placebo", *ROUTERLESS}
