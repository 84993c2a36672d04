"""Kept replies: a network that is made again asks no model, and nothing else is shared."""

import json
from pathlib import Path

import pytest

from evals.evaluation import Evaluation, evaluate_networks
from prompts.registry import PROMPTS
from prompts.template import Templates
from state.dataset import Split
from state.settings import Settings
from state.store.usage import add_totals
from tests.support.database_rows import rows
from tests.support.http_network import bootstrap_books, completions
from tests.support.model_server.faults import Fault
from tests.support.model_server.serving import RunningServer, serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.usefixtures("no_replies")

RECORDS = 4
REPLIES = {prompt.reply.__name__: prompt.reply for prompt in PROMPTS}


@pytest.fixture
def kept(http: Settings) -> Settings:
    """Return settings that keep replies."""
    return http.model_copy(update={"cache": True})


async def asked(endpoint: RunningServer, settings: Settings, seed: int = 0) -> tuple[int, str]:
    """Found and train the tiny network, drop it; return the completions asked for, its digest."""
    before = completions(endpoint.counts)
    async with RecNet.open(settings) as recnet:
        await bootstrap_tiny(
            recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"seed": seed})
        )
        await recnet.network("tiny").train(limit=RECORDS)
        digest = await recnet.network("tiny").digest()
        await recnet.network("tiny").drop()
    return completions(endpoint.counts) - before, digest


async def kept_replies(settings: Settings) -> list[tuple[str, str]]:
    """Return name and JSON of the replies that are kept."""
    async with RecNet.open(settings) as recnet:
        found = await rows(recnet, "SELECT llm, response FROM replies ORDER BY id")
    return [
        (json.loads(row["llm"])[1], json.loads(row["response"])["kwargs"]["text"]) for row in found
    ]


@pytest.mark.slow
async def test_the_same_network_made_again_asks_nothing(
    endpoint: RunningServer, kept: Settings, alone: str
) -> None:
    async with RecNet.open(kept) as recnet:
        await bootstrap_tiny(recnet)
        first = await recnet.network("tiny").train()
        assert await recnet.network("tiny").digest() == alone
        await recnet.network("tiny").drop()
    before = endpoint.counts
    async with RecNet.open(kept) as recnet:
        await bootstrap_tiny(recnet)
        again = await recnet.network("tiny").train()
        assert await recnet.network("tiny").digest() == alone
        assert recnet.resources.budget.calls == 0
    assert completions(endpoint.counts) == completions(before)
    paid, found = (add_totals(report.usage, "all") for report in (first, again))
    assert (found.calls, found.input_tokens, found.output_tokens) == (0, 0, 0)
    assert found.cached == paid.calls + paid.cached > 0
    assert found.embeddings == paid.embeddings > 0  # of these nothing is kept


@pytest.mark.slow
async def test_another_seed_model_temperature_or_address_asks_anew(
    endpoint: RunningServer, kept: Settings
) -> None:
    first, digest = await asked(endpoint, kept)
    assert first > 0
    other = await asked(endpoint, kept, seed=1)
    for more in ({"model": "openai:other"}, {"temperature": 0.5}, {"max_tokens": 4_000}):
        assert await asked(endpoint, kept.model_copy(update=more)) == (first, digest)
    with serving() as elsewhere:
        moved = kept.model_copy(update={"base_url": elsewhere.url})
        # Before seed 0 there: had that shared its replies, this would have asked for more.
        assert await asked(elsewhere, moved, seed=1) == other
        assert await asked(elsewhere, moved) == (first, digest)
    assert await asked(endpoint, kept) == (0, digest)


@pytest.mark.slow
async def test_an_edited_template_asks_its_own_prompt_anew(
    endpoint: RunningServer, kept: Settings, tmp_path: Path
) -> None:
    _, digest = await asked(endpoint, kept)
    predict = next(prompt for prompt in PROMPTS if prompt.name == "predict")
    text = Templates(PROMPTS).text(predict)
    (tmp_path / "predict.md").write_text(f"{text}\nBe brief.\n", "utf-8")
    edited = kept.model_copy(update={"templates": tmp_path})
    before = endpoint.counts.asked
    assert await asked(endpoint, edited) == (RECORDS, digest)
    after = endpoint.counts.asked
    assert {schema for schema in after if after[schema] > before[schema]} == {
        "Predict",
        "embeddings",
    }


@pytest.mark.slow
async def test_a_bad_reply_is_never_kept(endpoint: RunningServer, kept: Settings) -> None:
    kinds = frozenset(Fault) - {Fault.HANG}
    endpoint.settings = ModelServerSettings(faults=0.4, kinds=kinds, seed=5)
    spoilt, digest = await asked(endpoint, kept)
    assert kinds & {Fault.PROSE, Fault.THINK, Fault.WRONG_SHAPE} <= endpoint.counts.faults.keys()
    found = await kept_replies(kept)
    assert 0 < len(found) < spoilt
    for name, text in found:
        REPLIES[name].model_validate_json(text)
        assert "something else" not in text
    endpoint.settings = ModelServerSettings()
    assert await asked(endpoint, kept) == (0, digest)


@pytest.mark.slow
async def test_where_nothing_usable_comes_nothing_is_kept(
    endpoint: RunningServer, kept: Settings
) -> None:
    async with RecNet.open(kept.model_copy(update={"cache": False})) as recnet:
        await bootstrap_tiny(recnet)
    kinds = frozenset({Fault.WRONG_SHAPE, Fault.TRUNCATED, Fault.EMPTY})
    endpoint.settings = ModelServerSettings(faults=1.0, kinds=kinds, in_a_row=None)
    async with RecNet.open(kept) as recnet:
        assert (await recnet.network("tiny").train(limit=2)).failed == 2
    assert await kept_replies(kept) == []


@pytest.mark.slow
async def test_a_kept_reply_of_another_shape_is_asked_for_again(
    endpoint: RunningServer, kept: Settings
) -> None:
    _, digest = await asked(endpoint, kept)
    async with RecNet.open(kept) as recnet:
        changed = await rows(
            recnet,
            "UPDATE replies SET response = jsonb_set(response::jsonb, '{kwargs,text}', %s)::text "
            "WHERE llm::jsonb ->> 1 = 'Predict' RETURNING id",
            json.dumps('{"choice": "C"}'),
        )
    assert len(changed) == RECORDS
    assert await asked(endpoint, kept) == (RECORDS, digest)
    assert await asked(endpoint, kept) == (0, digest)  # the good one took its place


async def interact_and_recommend(recnet: RecNet) -> None:
    out = await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1")
    assert out["failure"] == ""
    assert (await recnet.network("tiny").recommend("ann", ["j3", "m2"]))["ranking"]


@pytest.mark.slow
async def test_live_use_keeps_nothing_unless_it_is_told_to(
    endpoint: RunningServer, http: Settings, kept: Settings
) -> None:
    unset = http.model_copy(update={"cache": None})
    async with RecNet.open(unset) as recnet:
        await bootstrap_tiny(recnet)
        await interact_and_recommend(recnet)
    assert await kept_replies(unset) == []
    async with RecNet.open(kept) as recnet:
        await interact_and_recommend(recnet)
    assert {"Predict", "Rank"} <= {name for name, _ in await kept_replies(unset)}
    assert completions(endpoint.counts) > 0


@pytest.mark.slow
async def test_the_offline_model_keeps_nothing(settings: Settings, kept: Settings) -> None:
    async with RecNet.open(settings, cache=True) as recnet:
        await bootstrap_tiny(recnet)
        await recnet.network("tiny").train(limit=RECORDS)
    assert await kept_replies(kept) == []


@pytest.mark.slow
async def test_a_second_evaluation_asks_nothing(endpoint: RunningServer, kept: Settings) -> None:
    async with RecNet.open(kept) as recnet:
        await bootstrap_books(recnet)
        await recnet.network("books").train(limit=12)  # so that some hear messages
    found: list[Evaluation] = []
    spent: list[int] = []
    for _ in range(2):
        before = completions(endpoint.counts)
        async with RecNet.open(kept) as recnet:
            found.append(
                await evaluate_networks(recnet, {"RecNet": "books"}, Split.TEST, draws=range(1))
            )
        spent.append(completions(endpoint.counts) - before)
    assert spent[0] > spent[1] == 0
    first, second = (add_totals(evaluation.usage, "all") for evaluation in found)
    assert first.calls == spent[0]
    assert (second.calls, second.embeddings) == (0, 0)
    assert second.cached > 0
    for one, two in zip(found[0].tables, found[1].tables, strict=True):
        assert one.rows == two.rows
