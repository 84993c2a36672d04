"""AgentCF along a stream: one network for any concurrency and after any stop; bounded, and paid."""

import pytest

from evals.baselines.agentcf.prompts import ReflectionFields
from evals.baselines.agentcf.training import copy_for_agentcf, train_agentcf
from evals.baselines.recnet import RecNetRanker
from evals.datasets.registry import SAMPLE, read_dataset
from evals.evaluation import evaluate_networks
from nodes.resources import open_resources
from prompts.fields import read_fields
from state.dataset import Split
from state.errors import InputError
from state.settings import NetworkSettings, Settings
from tests.support.agentcf import as_agentcf, calls_by_record, untouched
from tests.support.database_rows import calls, rows, thread_ids
from tests.support.watched_model import BAD, PowerCutError, WatchedModel, cut_at_every_call
from workflows.recnet import RecNet

KINDS = [
    {"predict": 1, "agentcf_user": 1, "agentcf_items": 1},
    {"predict": 2, "agentcf_user": 1, "agentcf_items": 2},
    {"predict": 2, "agentcf_user": 2, "agentcf_items": 2},
]
"""The calls of a record whose first choice was right, its second, or none."""


async def kept_records(recnet: RecNet, name: str) -> list[dict[str, object]]:
    return await rows(
        recnet,
        "SELECT i.id, user_id, positive_id, negative_id FROM interactions i "
        "JOIN networks n ON n.id = network_id WHERE n.name = %s ORDER BY i.id",
        name,
    )


@pytest.mark.slow
async def test_a_stopped_run_goes_on_to_the_same_network(
    agents: RecNet, settings: Settings
) -> None:
    await agents.network("agents").copy("other")
    report = await train_agentcf(agents, "agents")
    assert (report.records, report.run, report.failed, report.windows) == (12, 12, 0, 0)
    assert (await train_agentcf(agents, "other", limit=5, concurrency=1)).run == 5
    async with open_resources(settings) as resources:
        report = await train_agentcf(RecNet(resources), "other", concurrency=3)
    assert report.run == 7
    assert await agents.network("other").digest() == await agents.network("agents").digest()
    assert await thread_ids(agents) == set()


@pytest.mark.slow
async def test_a_power_cut_at_every_call_ends_the_same(agents: RecNet, model: WatchedModel) -> None:
    await agents.network("agents").copy("other")
    await train_agentcf(agents, "agents", limit=4)
    undisturbed = len(model.asked)
    model.asked.clear()
    model.script = cut_at_every_call()
    cuts = 0
    while (left := 4 - len(await kept_records(agents, "other"))) > 0:
        try:
            await train_agentcf(agents, "other", limit=left, concurrency=1)
        except PowerCutError:
            cuts += 1
    assert cuts > 10
    assert len(model.asked) <= undisturbed + cuts
    assert await agents.network("other").digest() == await agents.network("agents").digest()


async def test_a_collection_between_two_runs_costs_calls_and_nothing_else(
    agents: RecNet, model: WatchedModel
) -> None:
    await agents.network("agents").copy("other")
    await train_agentcf(agents, "agents", limit=1)
    model.script = cut_at_every_call()
    for _ in range(20):
        try:
            await train_agentcf(agents, "other", limit=1)
        except PowerCutError:
            await agents.delete_finished_checkpoints()
        else:
            break
    assert await agents.network("other").digest() == await agents.network("agents").digest()


async def test_the_item_taken_stands_in_either_place(agents: RecNet, model: WatchedModel) -> None:
    places: dict[str, str] = {}

    def script(reply: str, text: str) -> str | None:
        if reply == "UserMemory":
            fields = read_fields(text, ReflectionFields)
            places[fields.user] = fields.taken
        return None

    model.script = script
    await train_agentcf(agents, "agents")
    assert 3 <= list(places.values()).count("A") <= 9


async def test_it_learns_from_the_records_that_recnet_learns_from(agents: RecNet) -> None:
    await train_agentcf(agents, "agents", fit="train")
    await agents.network("tiny").train(fit="train")
    assert await kept_records(agents, "agents") == await kept_records(agents, "tiny") != []
    with pytest.raises(InputError, match="another method has trained network 'tiny'"):
        await train_agentcf(agents, "tiny")
    for learn in (agents.network("agents").train, agents.network("agents").retry):
        with pytest.raises(InputError, match=r"'agents' \(it holds texts by reflection\): copy"):
            await learn()


async def test_its_calls_are_its_networks_own_and_bounded(agents: RecNet) -> None:
    network = (await agents.network("agents").record()).id
    before = await untouched(agents, network)
    source = await calls(agents, (await agents.network("tiny").record()).id)
    report = await train_agentcf(agents, "agents")
    by_record = await calls_by_record(agents, network)
    assert len(by_record) == report.records
    assert all(dict(made) in KINDS for made in by_record.values())
    total = sum(made.total() for made in by_record.values())
    assert report.calls == total == sum(used.calls for used in report.usage)
    assert report.input_tokens == sum(used.input_tokens for used in report.usage) > 0
    assert await calls(agents, (await agents.network("tiny").record()).id) == source
    assert await untouched(agents, network) == before


async def test_a_bad_reply_fails_one_record_and_the_run_goes_on(
    agents: RecNet, model: WatchedModel
) -> None:
    left = 3
    taken: set[str] = set()

    def script(reply: str, text: str) -> str | None:
        """Fail the first record that asks for items' memories, however often it asks."""
        nonlocal left
        if reply != "ItemMemories" or not left or (taken and text not in taken):
            return None
        taken.add(text)
        left -= 1
        return BAD

    model.script = script
    report = await train_agentcf(agents, "agents", concurrency=1)
    assert (report.run, report.failed) == (12, 1)
    again = await as_agentcf(agents).retry()
    assert (again.run, again.learned) == (1, 1)


async def test_its_network_ranks_as_a_method(agents: RecNet) -> None:
    await train_agentcf(agents, "agents", fit="train")
    method = RecNetRanker(agents, "agents", name="AgentCF")
    candidates = ["m1", "j4", "f2", "f4"]
    ranking = await method.rank("ann", candidates)
    assert ranking[0] == "j4"
    assert sorted(ranking) == sorted(candidates)
    assert (method.name, method.missing, method.dropped, method.failed) == ("AgentCF", 0, 0, 0)


@pytest.mark.slow
async def test_one_at_a_time_and_eight_at_once_are_one_network(recnet: RecNet) -> None:
    """Over the whole sample; what it learned is worth something there, and is not the label."""
    await recnet.load("sample", read_dataset(SAMPLE, name="harbour", domain="books"))
    await recnet.network("sample").bootstrap(NetworkSettings())
    for name in ("one", "eight", "untrained"):
        await copy_for_agentcf(recnet, "sample", name)
    reports = [
        await train_agentcf(recnet, name, fit="train", concurrency=at_once)
        for name, at_once in (("one", 1), ("eight", 8))
    ]
    assert await recnet.network("one").digest() == await recnet.network("eight").digest()
    assert [report.failed for report in reports] == [0, 0]
    assert 3 <= (reports[0].calls_per_interaction or 0) <= 6
    named = {"trained": "eight", "untrained": "untrained"}
    tables = (await evaluate_networks(recnet, named, Split.VALID, draws=[0])).tables
    for table in tables:
        found = {row.name: row.figures[-1].mean for row in table.rows}
        assert found["untrained"] < found["trained"] < 0.95
