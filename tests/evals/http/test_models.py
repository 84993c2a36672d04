"""Other models for some prompts: each prompt asks its own, and usage tells them apart."""

import pytest

from prompts.llm.errors import ModelError
from state.settings import Settings
from state.store.usage import sum_usage
from tests.support.database_rows import rows
from tests.support.http_network import MODEL
from tests.support.model_server.serving import RunningServer
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import bootstrap_tiny
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow

OTHERS = {"extract": "openai:cheap", "gradient": "openai:strong"}


async def test_each_prompt_asks_its_own_model(
    endpoint: RunningServer, http: Settings, alone: str
) -> None:
    prices = {MODEL: (1.0, 2.0), "openai:cheap": (0.5, 0.5), "openai:strong": (10.0, 30.0)}
    mixed = http.model_copy(update={"models": OTHERS, "prices": prices})
    async with RecNet.open(mixed) as recnet:
        network = await bootstrap_tiny(recnet)
        await recnet.network("tiny").train()
        assert await recnet.network("tiny").digest() == alone
        used = await rows(recnet, "SELECT DISTINCT prompt, model FROM usage ORDER BY prompt")
        async with recnet.resources.pool.connection() as conn:
            totals = {total.name: total for total in await sum_usage(conn, network, by="model")}
    models = {row["prompt"]: row["model"] for row in used}
    assert len(models) == len(used)  # one model a prompt
    assert {prompt: m for prompt, m in models.items() if m != MODEL} == OTHERS
    asked = endpoint.counts.asked
    assert totals.keys() == {MODEL, *OTHERS.values()}
    assert totals["openai:cheap"].calls == asked["Extract"]
    assert totals["openai:strong"].calls == asked["CreditAssignment"]
    assert totals[MODEL].embeddings == asked["embeddings"]
    assert totals[MODEL].calls == sum(asked.values()) - sum(
        asked[schema] for schema in ("Extract", "CreditAssignment", "embeddings")
    )
    for name, (asking, answering) in prices.items():
        total = totals[name]
        price = (total.input_tokens * asking + total.output_tokens * answering) / 1e6
        assert total.cost == pytest.approx(price)


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        (("offline", "strong"), "cheap"),
        (("offline", "cheap"), "strong"),
        (("cheap", "strong"), "offline"),
    ],
)
async def test_the_server_sees_the_names_and_one_it_does_not_know_stops_the_run(
    endpoint: RunningServer, http: Settings, known: tuple[str, ...], unknown: str
) -> None:
    endpoint.settings = ModelServerSettings(models=("offline", "cheap", "strong"))
    mixed = http.model_copy(update={"models": OTHERS, "embedding": "offline"})
    async with RecNet.open(mixed) as recnet:
        await bootstrap_tiny(recnet)
        endpoint.settings = ModelServerSettings(models=known)
        with pytest.raises(ModelError) as stop:
            await recnet.network("tiny").train()
        said = str(stop.value)
        setting = "RECNET_MODEL" if unknown == "offline" else "RECNET_MODELS"
        assert said.startswith(f"openai:{unknown}: not found (404: The model `{unknown}` ")
        assert f"; set {setting}, or the address in OPENAI_BASE_URL" in said
        assert len(said.splitlines()) == 1
        endpoint.settings = ModelServerSettings(models=("offline", "cheap", "strong"))
        assert (await recnet.network("tiny").train()).failed == 0
