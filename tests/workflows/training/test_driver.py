"""Training: resumable, reproducible, bounded in calls, and changed by every setting."""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Mapping

import psycopg
import pytest

from nodes.resources import open_resources
from state.errors import NetworkError
from state.settings import NetworkSettings, Settings
from tests.support.database_rows import rows
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, load_tiny
from tests.support.watched_model import WatchedModel
from workflows.recnet import RecNet
from workflows.training.driver import Progress

ABLATIONS: Mapping[str, Mapping[str, object]] = {
    "as it is": {},
    "no propagation": {"propagation": "none"},
    "placebo": {"propagation": "placebo"},
    "filter memory not optimized": {"optimize_filter_memory": False},
    "routers not optimized": {"optimize_routers": False},
    "w/o FPO": {"optimize_filter_memory": False, "optimize_routers": False},
    "w/o asynchronous": {"update_size": 1},
    "echo": {"echo": True},
    "short buffers": {"buffer_size": 1},
    "on delivery": {"reception": "delivery"},
    "em": {"propagation": "em"},
    "em of one": {"propagation": "em", "neighbours": 1},
    "em+lr": {"propagation": "em+lr"},
}
RECORDS = 4


@pytest.mark.slow
async def test_a_run_goes_on_where_it_stopped(recnet: RecNet, settings: Settings) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").copy("other")
    report = await recnet.network("tiny").train(fit="train")
    assert (report.records, report.run, report.failed) == (6, 6, 0)
    for limit in (1, 0, 2):
        assert (await recnet.network("other").train(fit="train", limit=limit)).run == limit
    # Another process: nothing is known but what is stored.
    async with open_resources(settings) as resources:
        report = await RecNet(resources).network("other").train(fit="train")
    assert report.run == 3
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()
    paid = await paid_calls(recnet)
    again = await recnet.network("other").train(fit="train")
    assert again.run == 0
    assert again.model_dump(exclude={"run", "seconds", "usage"}) == report.model_dump(
        exclude={"run", "seconds", "usage"}
    )
    assert again.usage == ()
    assert sum(total.calls for total in report.usage) > 0
    assert await paid_calls(recnet) == paid
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()


async def test_progress_is_told_before_the_first_record_and_after_each(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    told: list[Progress] = []
    await recnet.network("tiny").train(fit="train", limit=2)
    report = await recnet.network("tiny").train(fit="train", limit=2, on_progress=told.append)
    assert [(p.done, p.records) for p in told] == [(2, 6), (3, 6), (4, 6)]
    assert told[-1].reward == report.reward
    assert told[0].calls < told[-1].calls


async def test_a_network_has_one_trainer(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    ends = await asyncio.gather(
        *(recnet.network("tiny").train(limit=2) for _ in range(2)), return_exceptions=True
    )
    refused = [end for end in ends if isinstance(end, BaseException)]
    assert len(refused) == 1
    assert re.fullmatch(
        rf"network 'tiny' is locked by recnet python, process {os.getpid()} on .+, "
        r"since \d\d:\d\d: wait for it, or stop it",
        str(refused[0]),
    )
    assert isinstance(refused[0], NetworkError)
    assert (await recnet.network("tiny").train(limit=1)).run == 1


@pytest.mark.slow
async def test_a_trainer_whose_hold_was_lost_takes_the_network_again(
    recnet: RecNet,
) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").copy("other")
    await recnet.network("other").train(fit="train", concurrency=1)
    holders: list[int] = []

    def look(progress: Progress) -> None:
        with psycopg.connect(recnet.resources.url) as conn:
            held = "FROM pg_stat_activity WHERE application_name LIKE 'recnet python, process %'"
            holders.extend(pid for (pid,) in conn.execute(f"SELECT pid {held}"))
            if progress.done == 1:
                conn.execute(f"SELECT pg_terminate_backend(pid, 5000) {held}")

    report = await recnet.network("tiny").train(fit="train", concurrency=1, on_progress=look)
    assert (report.run, report.failed) == (6, 0)
    first, last = holders[0], holders[-1]
    assert first != last
    assert holders.count(last) > 2  # held from the next window on, not only looked at the end
    assert await recnet.network("tiny").digest() == await recnet.network("other").digest()


@pytest.mark.slow
async def test_a_record_makes_few_calls(recnet: RecNet) -> None:
    """One predict, one gradient, one merge a client with messages, one rewrite a gradient."""
    network = await bootstrap_tiny(recnet)
    report = await recnet.network("tiny").train()
    total = 0
    for row in await rows(recnet, "SELECT id FROM interactions WHERE network_id = %s", network):
        used = await rows(
            recnet,
            "SELECT prompt, attempts, outcome FROM usage WHERE network_id = %s AND step = %s",
            network,
            row["id"],
        )
        assert {(u["attempts"], u["outcome"]) for u in used} == {(1, "ok")}
        made = Counter(u["prompt"] for u in used)
        heard = await rows(
            recnet,
            "SELECT DISTINCT client_id FROM filter_decisions "
            "WHERE network_id = %s AND interaction_id = %s",
            network,
            row["id"],
        )
        asked = await rows(
            recnet,
            "SELECT module FROM gradients WHERE network_id = %s AND interaction_id = %s "
            "AND suggestion <> '' AND module <> 'router'",
            network,
            row["id"],
        )
        kinds = Counter(
            "optimize_filter_memory" if a["module"] == "filter_memory" else "optimize_profile"
            for a in asked
        )
        wanted = Counter({"predict": 1, "gradient": 1, "merge": len(heard)}) + kinds
        assert made == wanted
        total += made.total()
    assert report.calls == total
    assert report.calls_per_interaction == total / report.records
    assert report.windows == 6


@pytest.mark.slow
async def test_one_seed_gives_one_network_and_another_seed_another(recnet: RecNet) -> None:
    digests = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        await load_tiny(recnet, name)
        await recnet.network(name).bootstrap(NETWORK_SETTINGS.model_copy(update={"seed": seed}))
        await recnet.network(name).train(limit=RECORDS)
        digests[name] = await recnet.network(name).digest()
    assert digests["first"] == digests["again"]
    assert digests["first"] != digests["other"]


@pytest.mark.slow
async def test_ranking_between_trainings_changes_nothing(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").copy("other")
    await recnet.network("tiny").train(limit=6)
    await recnet.network("other").train(limit=4)
    digest = await recnet.network("other").digest()
    for user in ("ann", "cid", "fay"):
        await recnet.network("other").recommend(user, count=12)
        await recnet.network("other").recommend(user, ["j1", "m1", "f1"])
    merged = await rows(recnet, "SELECT client_id FROM merged_views")
    assert len(merged) > 3
    assert await recnet.network("other").digest() == digest
    await recnet.network("other").train(limit=2)
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()


@pytest.mark.slow
async def test_every_setting_changes_what_a_network_becomes(recnet: RecNet) -> None:
    """All start from one bootstrap, so that they differ in nothing else."""
    await bootstrap_tiny(recnet)
    start = await recnet.network("tiny").digest()
    digests, sent = {}, {}
    for name, changed in ABLATIONS.items():
        network = (await (await recnet.network("tiny").copy(name, **changed)).record()).id
        assert await recnet.network(name).digest() == start
        await recnet.network(name).train(limit=RECORDS)
        digests[name] = await recnet.network(name).digest()
        sent[name] = await sent_messages(recnet, network)
    by_digest: dict[str, list[str]] = {}
    for name, digest in digests.items():
        by_digest.setdefault(digest, []).append(name)
    assert [names for names in by_digest.values() if len(names) > 1] == []
    assert sent["no propagation"] == 0
    assert min(count for name, count in sent.items() if name != "no propagation") > 0


@pytest.mark.slow
async def test_without_filter_memory_no_rule_keeps_anything_out(
    recnet: RecNet, model: WatchedModel
) -> None:
    """Not the same as rules that nobody optimizes: the first ones keep out what names no tastes."""
    await bootstrap_tiny(recnet)
    model.script = lambda reply, _: '{"profile": "Hello."}' if reply == "Summarize" else None
    taken = {}
    for setting in ("filter_memory", "optimize_filter_memory"):
        network = (
            await (await recnet.network("tiny").copy(setting, **{setting: False})).record()
        ).id
        await recnet.network(setting).train(limit=4)
        filter_decisions = await rows(
            recnet, "SELECT accepted, rule FROM filter_decisions WHERE network_id = %s", network
        )
        taken[setting] = {(decision["accepted"], decision["rule"]) for decision in filter_decisions}
        module = await rows(
            recnet,
            "SELECT 1 FROM gradients WHERE network_id = %s AND module = 'filter_memory'",
            network,
        )
        assert module == []
    assert taken["filter_memory"] == {(True, "")}
    assert all(rule and not let_in for let_in, rule in taken["optimize_filter_memory"])
    assert taken["optimize_filter_memory"]
    assert (
        await recnet.network("filter_memory").digest()
        != await recnet.network("optimize_filter_memory").digest()
    )


@pytest.mark.slow
async def test_the_placebo_sends_as_much_to_as_many(recnet: RecNet) -> None:
    network_settings = NetworkSettings.model_validate({**NETWORK_SETTINGS.model_dump(), "tau": 0.2})
    await bootstrap_tiny(recnet, network_settings=network_settings)
    held = {}
    for policy in ("routers", "placebo"):
        network = (
            await (await recnet.network("tiny").copy(policy, propagation=policy)).record()
        ).id
        await recnet.network(policy).train(limit=2)
        held[policy] = await rows(
            recnet,
            "SELECT c.kind, b.client_id, b.messages FROM buffers b "
            "JOIN clients c ON c.network_id = b.network_id AND c.id = b.client_id "
            "WHERE b.network_id = %s AND b.messages <> '{}'",
            network,
        )
    real, placebo = (
        sorted((row["kind"], sorted(row["messages"])) for row in held[policy]) for policy in held
    )
    assert real == placebo != []
    who = [{row["client_id"] for row in found} for found in held.values()]
    assert who[0] != who[1]


async def sent_messages(recnet: RecNet, network: int) -> int:
    """Return how many clients were sent something, over all windows."""
    (row,) = await rows(
        recnet, "SELECT sum(recipients) AS n FROM windows WHERE network_id = %s", network
    )
    return int(row["n"])


async def paid_calls(recnet: RecNet) -> int:
    (row,) = await rows(recnet, "SELECT sum(attempts) AS n FROM usage")
    return int(row["n"])
