"""Endpoints as the settings name them: who is asked, with which key, and what is refused."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import SecretStr

from nodes.resources import Endpoints, open_endpoints, open_resources
from prompts.llm.client import ModelClient
from prompts.llm.errors import CallError, ModelError
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import NO_KEY
from prompts.registry import PROMPTS
from state.settings import Settings
from tests.support.greet_prompt import GOOD, GreetClient, greeting_templates
from tests.support.scripted_server import (
    Answer,
    ScriptedServer,
    failure,
    scripted_server,
    vectors_answer,
)

KEY = "sk-of-the-models-0123456789"
OTHER = "sk-of-the-encoder-9876543210"
MODEL, EMBEDDING = "openai:small", "openai:encoder"


@pytest.fixture
def models() -> Iterator[ScriptedServer]:
    """Serve the models; asked for an embedding, it gives one too."""

    def answer(request: dict[str, Any]) -> Answer:
        return Answer(text=GOOD) if "messages" in request else vectors_answer([1.0, 0.0])

    with scripted_server(answer) as endpoint:
        yield endpoint


@pytest.fixture
def encoders() -> Iterator[ScriptedServer]:
    """Serve the encoder at another address."""
    with scripted_server(vectors_answer([1.0, 0.0])) as endpoint:
        yield endpoint


def settings(**given: Any) -> Settings:  # noqa: ANN401 - passed on
    named: dict[str, Any] = {"model": MODEL, "embedding": EMBEDDING, "request_attempts": 1}
    keys = {k: SecretStr(v) for k, v in given.items() if k.endswith("api_key")}
    return Settings(**{**named, **given, **keys})


async def use(opened: Endpoints, endpoint: ScriptedServer) -> GreetClient:
    """Ask the model and the encoder once each."""
    b = GreetClient(
        ModelClient(opened.model, greeting_templates(), limiter=CallLimiter()), endpoint
    )
    await b.ask()
    await opened.encoder.embed(["a text"])
    return b


def bearers(*keys: str) -> list[str]:
    return [f"Bearer {key}" for key in keys]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"api_key": KEY, "embedding_api_key": OTHER}, (KEY, OTHER)),
        ({"api_key": KEY}, (KEY, NO_KEY)),
        ({"embedding_api_key": OTHER}, (NO_KEY, OTHER)),
        ({}, (NO_KEY, NO_KEY)),
    ],
)
async def test_each_address_gets_its_own_key_and_no_other(
    models: ScriptedServer,
    encoders: ScriptedServer,
    given: dict[str, str],
    sent: tuple[str, str],
) -> None:
    named = {"base_url": models.url, "embedding_base_url": encoders.url}
    async with open_endpoints(settings(**named, **given)) as opened:
        await use(opened, models)
    assert models.keys == bearers(sent[0])
    assert encoders.keys == bearers(sent[1])


@pytest.mark.parametrize("where", ["environment", "fields"])
async def test_the_key_of_the_environment_stays_with_its_address(
    models: ScriptedServer, encoders: ScriptedServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    named = {"embedding_base_url": encoders.url}
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    if where == "environment":
        monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    else:
        named["base_url"] = models.url
    async with open_endpoints(settings(**named)) as opened:
        await use(opened, models)
    assert models.keys == bearers(KEY)
    assert encoders.keys == bearers(NO_KEY)


async def test_an_encoder_without_an_address_is_where_the_models_are(
    models: ScriptedServer,
) -> None:
    async with open_endpoints(settings(base_url=models.url, api_key=KEY)) as opened:
        await use(opened, models)
    assert models.keys == bearers(KEY, KEY)


@pytest.mark.parametrize("where", ["environment", "fields"])
async def test_an_encoder_with_a_key_alone_is_where_the_models_are(
    models: ScriptedServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    given = {"api_key": KEY, "embedding_api_key": OTHER}
    if where == "environment":
        monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    else:
        given["base_url"] = models.url
    async with open_endpoints(settings(**given)) as opened:
        embeddings = opened.encoder.embeddings
        assert isinstance(embeddings, OpenAIEmbeddings)
        assert str(embeddings.async_client._client.base_url).startswith(models.url)  # noqa: SLF001
        await use(opened, models)
    assert models.keys == bearers(KEY, OTHER)


async def test_another_provider_gets_neither_key_nor_address(
    models: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, Any] = {}

    def init(name: str, **options: Any) -> ChatOpenAI:  # noqa: ANN401
        found[name] = options
        return ChatOpenAI(model="x", api_key=SecretStr("any text"))

    monkeypatch.setattr("prompts.llm.models.init_chat_model", init)
    given = settings(model="mistralai:small", embedding="offline", base_url=models.url, api_key=KEY)
    async with open_endpoints(given) as opened:
        assert opened.model.address == ""
    assert found["mistralai:small"].keys() == {"temperature", "timeout", "max_retries"}


async def test_prompts_may_have_other_models_at_their_prices(models: ScriptedServer) -> None:
    given = settings(
        base_url=models.url,
        api_key=KEY,
        models={"extract": "openai:tiny", "rank": "offline"},
        prices={MODEL: (1, 2), "openai:tiny": (3, 4), "offline": (0, 0)},
        budget_money=1.0,
    )
    async with open_endpoints(given) as opened:
        model_client = ModelClient(opened.model, greeting_templates(), others=opened.others)
        names = {prompt.name: model_client.endpoint(prompt).name for prompt in PROMPTS}
        prices = [opened.others[name].price for name in ("extract", "rank")]
    assert names.pop("extract") == "openai:tiny"
    assert names.pop("rank") == "offline"
    assert set(names.values()) == {MODEL}
    assert prices == [(3, 4), (0, 0)]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"models": {"extrakt": "offline"}}, r"RECNET_MODELS: no prompt is called 'extrakt'.*rank"),
        ({"budget_money": 1.0}, r"RECNET_PRICES=openai:small=IN/OUT"),
        ({"budget_money": 1.0, "prices": {MODEL: (1, 1)}, "models": {"rank": "openai:a"}},
         r"price of openai:a"),
        ({"model": "nowhere:small"}, r"RECNET_MODEL=nowhere:small"),
        ({"models": {"rank": "nowhere:small"}}, r"RECNET_MODELS=nowhere:small"),
        ({"embedding": "nowhere:small"}, r"RECNET_EMBEDDING=nowhere:small"),
        ({"model_options": {"api_key": 5}}, r"openai:small: RECNET_MODEL_OPTIONS: .*api_key"),
    ],
)  # fmt: skip
async def test_what_cannot_be_used_is_refused_at_once_in_one_line(
    given: dict[str, Any], named: str
) -> None:
    with pytest.raises(ModelError, match=named) as raised:
        async with open_endpoints(settings(base_url="http://127.0.0.1:9/v1", **given)):
            raise AssertionError
    assert "\n" not in str(raised.value)


async def test_a_free_model_needs_no_price_only_where_one_is_set() -> None:
    given = Settings(budget_money=0.5, prices={"offline": (0, 0)})
    async with open_endpoints(given) as opened:
        assert opened.model.cost(1_000, 1_000) == 0
    with pytest.raises(ModelError, match="price of offline"):
        async with open_endpoints(Settings(budget_money=0.5)):
            raise AssertionError


async def test_options_of_the_model_are_sent_and_mistakes_among_them_named(
    models: ScriptedServer,
) -> None:
    more: dict[str, Any] = {"top_p": 0.5, "extra_body": {"chat_template_kwargs": {"a": 1}}}
    given = settings(base_url=models.url, max_tokens=77, temperature=0.3, model_options=more)
    async with open_endpoints(given) as opened:
        await use(opened, models)
    sent = models.requests[0]
    assert (sent["temperature"], sent["top_p"]) == (0.3, 0.5)
    assert sent["chat_template_kwargs"] == {"a": 1}
    assert 77 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    wrong = settings(base_url=models.url, model_options={"model_kwargs": {"top_q": 1}})
    async with open_endpoints(wrong) as opened:
        with pytest.raises(ModelError, match=r"RECNET_MODEL_OPTIONS.*top_q"):
            await use(opened, models)


async def test_the_default_temperature_is_none_at_all(models: ScriptedServer) -> None:
    async with open_endpoints(settings(base_url=models.url, temperature="default")) as opened:
        await use(opened, models)
    assert "temperature" not in models.requests[0]


async def test_the_clients_connections_are_closed_at_the_end(models: ScriptedServer) -> None:
    async with open_endpoints(settings(base_url=models.url)) as opened:
        await use(opened, models)
        model = opened.model.model
        assert isinstance(model, ChatOpenAI)
        client = model.http_async_client
        assert isinstance(client, openai.DefaultAsyncHttpxClient)
        assert not client.is_closed
    assert client.is_closed


async def test_a_name_and_password_in_the_address_are_no_part_of_what_is_kept(
    models: ScriptedServer,
) -> None:
    address = models.url.replace("http://", "http://me:hunter2hunter2@")
    async with open_endpoints(settings(base_url=address, api_key=KEY)) as opened:
        assert opened.model.address == models.url
        assert "hunter2" not in opened.model.identity


async def test_an_embedding_that_is_not_whole_in_time_is_cut() -> None:
    with scripted_server(replace(vectors_answer([1.0, 0.0]), trickle=0.6)) as endpoint:
        given = settings(base_url=endpoint.url, timeout=0.2)
        async with open_endpoints(given) as opened:
            with pytest.raises(CallError, match="RECNET_TIMEOUT"):
                await opened.encoder.embed(["a text"])


@pytest.mark.usefixtures("database")
async def test_a_refused_key_names_the_variable_of_its_own_endpoint(models: ScriptedServer) -> None:
    def refuse(_: dict[str, Any]) -> Answer:
        return failure(401, f"Incorrect API key provided: {OTHER}")

    with scripted_server(refuse) as encoder:
        given = settings(
            base_url=models.url, api_key=KEY,
            embedding_base_url=encoder.url, embedding_api_key=OTHER,
        )  # fmt: skip
        async with open_resources(given) as held:
            with pytest.raises(CallError, match="set RECNET_EMBEDDING_API_KEY") as raised:
                await held.encoder.embed(["a text"])
    assert not re.search("|".join((KEY[:12], OTHER[:12])), str(raised.value))


_OFFLINE = """
import asyncio, sys
import evals.cli
from nodes.resources import open_endpoints
from state.settings import Settings

async def opened():
    async with open_endpoints(Settings()):
        return "openai" in sys.modules

sys.exit(asyncio.run(opened()))
"""


@pytest.mark.slow
def test_who_asks_no_endpoint_does_not_wait_for_its_library() -> None:
    subprocess.run([sys.executable, "-c", _OFFLINE], check=True)  # noqa: S603 - our own words
