"""The server answers as the offline model does in process, whichever way a schema is named."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

from prompts.llm.embeddings import Encoder
from prompts.offline.encoder import OfflineEncoder
from tests.support.model_server.serving import RunningServer, serving
from tests.support.model_server.settings import Means, ModelServerSettings
from tests.support.model_server_clients import (
    KEY,
    ask,
    chat_model,
    client,
    in_process,
    prompt,
    request,
)

TEXTS = ["folk rock; piano", "Enjoys: jazz.", "日本の音楽"]


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(running: RunningServer) -> RunningServer:
    running.settings = ModelServerSettings()
    return running


@pytest.mark.parametrize("means", Means)
async def test_openai_gets_the_answer_of_the_model_in_process(
    endpoint: RunningServer, means: Means
) -> None:
    expected = in_process(prompt())
    async with client(endpoint.url) as opened:
        reply = await ask(opened, means=means)
    message = reply.choices[0].message
    if means is Means.FUNCTION_CALLING:
        assert message.content is None
        assert message.tool_calls is not None
        (call,) = message.tool_calls
        assert call.type == "function"
        assert (call.function.name, call.function.arguments) == ("Predict", expected.text)
        assert reply.choices[0].finish_reason == "tool_calls"
    else:
        assert message.content == expected.text
        assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "offline"


async def test_usage_is_the_estimate_of_the_model(endpoint: RunningServer) -> None:
    estimate = in_process(prompt()).usage_metadata
    async with client(endpoint.url) as opened:
        usage = (await ask(opened)).usage
    assert estimate is not None
    assert usage is not None
    assert usage.prompt_tokens == estimate["input_tokens"] > 0
    assert usage.completion_tokens == estimate["output_tokens"] > 0
    assert usage.total_tokens == estimate["total_tokens"]


@pytest.mark.parametrize("means", Means)
async def test_langchain_gets_the_answer_of_the_model_in_process(
    endpoint: RunningServer, means: Means
) -> None:
    expected = in_process(prompt())
    asked = request(means, prompt())
    messages, _ = asked.pop("messages"), asked.pop("model")
    async with chat_model(endpoint.url) as model:
        reply = await model.bind(**asked).ainvoke(messages)
    assert isinstance(reply, AIMessage)
    if means is Means.FUNCTION_CALLING:
        assert reply.tool_calls[0]["args"] == json.loads(expected.text)
    else:
        assert reply.text == expected.text
    if means is not Means.TEXT:  # there the schema is part of the messages, and paid for
        assert reply.usage_metadata is not None
        assert expected.usage_metadata is not None
        for count in ("input_tokens", "output_tokens", "total_tokens"):
            assert reply.usage_metadata[count] == expected.usage_metadata[count]


@pytest.mark.parametrize("more", [{}, {"encoding_format": "float"}], ids=["default", "float"])
async def test_embeddings_are_those_of_the_encoder(endpoint: RunningServer, more: Any) -> None:  # noqa: ANN401
    async with client(endpoint.url) as opened:
        reply = await opened.embeddings.create(model="offline", input=TEXTS, **more)
    assert [row.index for row in reply.data] == [0, 1, 2]
    assert [row.embedding for row in reply.data] == OfflineEncoder().embed_documents(TEXTS)
    assert reply.usage.prompt_tokens == reply.usage.total_tokens > 0


async def test_embeddings_are_packed_on_request(endpoint: RunningServer) -> None:
    """As the client asks by itself, and then hides it."""
    async with httpx.AsyncClient() as raw:
        asked = {"model": "offline", "input": TEXTS[0], "encoding_format": "base64"}
        reply = (await raw.post(f"{endpoint.url}/embeddings", json=asked)).json()
    packed = base64.b64decode(reply["data"][0]["embedding"])
    assert list(struct.unpack("<256f", packed)) == OfflineEncoder().embed_query(TEXTS[0])


async def test_one_text_is_embedded_alone(endpoint: RunningServer) -> None:
    async with client(endpoint.url) as opened:
        reply = await opened.embeddings.create(model="offline", input=TEXTS[0])
    assert reply.data[0].embedding == OfflineEncoder().embed_query(TEXTS[0])


async def test_models_are_listed(endpoint: RunningServer) -> None:
    async with client(endpoint.url) as opened:
        assert [model.id async for model in opened.models.list()] == ["offline"]
        endpoint.settings = ModelServerSettings(models=("small", "large"))
        assert [model.id async for model in opened.models.list()] == ["small", "large"]


async def test_a_wrong_key_is_refused_and_quoted(endpoint: RunningServer) -> None:
    endpoint.settings = ModelServerSettings(key=KEY)
    before = endpoint.counts.refused.get(401, 0)
    async with client(endpoint.url, key="sk-wrong") as opened:
        for asked in (ask(opened), opened.embeddings.create(model="x", input="y")):
            with pytest.raises(openai.AuthenticationError, match="sk-wrong"):
                await asked
        with pytest.raises(openai.AuthenticationError):
            await opened.models.list()
    assert endpoint.counts.refused[401] == before + 3
    async with client(endpoint.url) as opened:
        assert (await ask(opened)).choices


async def test_an_unknown_model_is_not_found(endpoint: RunningServer) -> None:
    endpoint.settings = ModelServerSettings(models=("small",))
    async with client(endpoint.url) as opened:
        with pytest.raises(openai.NotFoundError, match="`offline` does not exist") as error:
            await ask(opened)
        assert error.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            await opened.embeddings.create(model="offline", input="x")
        assert (await ask(opened, model="small")).model == "small"


@pytest.mark.parametrize(
    ("means", "said", "param"),
    [
        (Means.JSON_SCHEMA, "'response_format' of type 'json_schema' is not", "response_format"),
        (Means.FUNCTION_CALLING, "does not support tools", "tools"),
        (Means.TEXT, "Missing.*'response_format'", "response_format"),
    ],
)
async def test_what_is_not_supported_is_refused_or_ignored(
    endpoint: RunningServer, means: Means, said: str, param: str
) -> None:
    others = frozenset(Means) - {means}
    async with client(endpoint.url) as opened:
        endpoint.settings = ModelServerSettings(means=others)
        with pytest.raises(openai.BadRequestError, match=said) as error:
            await ask(opened, means=means)
        assert error.value.param == param
        for other in others:
            assert (await ask(opened, means=other)).choices
        endpoint.settings = ModelServerSettings(means=others, ignore_unsupported=True)
        choice = (await ask(opened, means=means)).choices[0]
    assert choice.message.content
    assert "{" not in choice.message.content
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"messages": [HumanMessage("Hello?")]}, "no human message holds"),
        ({"response_format": openai.omit}, "No schema is named"),
        ({"response_format": {"type": "json_object"}}, "Name one schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "Poem"}}},
            "unknown output schema 'Poem'",
        ),
        ({"stream": True}, "does not stream"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    endpoint: RunningServer, more: dict[str, Any], said: str
) -> None:
    async with client(endpoint.url) as opened:
        with pytest.raises(openai.BadRequestError, match=said):
            await ask(opened, **more)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", b"not JSON"),
        ("chat/completions", b"[]"),
        ("chat/completions", b'{"model": "offline"}'),
        ("chat/completions", b'{"model": "offline", "messages": "Hello?"}'),
        ("chat/completions", b'{"model": "offline", "messages": [{"content": "Hello?"}]}'),
        ("chat/completions", b'{"model": "offline", "messages": [{"role": "odd"}]}'),
        ("embeddings", b'{"input": "x"}'),
        ("embeddings", b'{"model": "offline", "input": []}'),
        ("embeddings", b'{"model": "offline", "input": [[1, 2]]}'),
        ("embeddings", b'{"model": "offline", "input": "x", "dimensions": 3}'),
    ],
)
async def test_odd_bodies_are_refused_in_openais_form(
    endpoint: RunningServer, path: str, body: bytes
) -> None:
    async with httpx.AsyncClient() as raw:
        reply = await raw.post(f"{endpoint.url}/{path}", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


async def test_a_schema_is_found_behind_other_braces(endpoint: RunningServer) -> None:
    asked = request(Means.TEXT, prompt())
    asked["messages"][0]["content"] = "Fill {this} and {} in. " + asked["messages"][0]["content"]
    async with client(endpoint.url) as opened:
        reply = await opened.chat.completions.create(**asked)
    assert reply.choices[0].message.content == in_process(prompt()).text


async def test_the_systems_own_encoder_reads_it(endpoint: RunningServer) -> None:
    """Through the one way to embed, vectors from here and from in process are the same."""
    local = await Encoder(OfflineEncoder(), name="offline").embed(TEXTS)
    async with openai.DefaultAsyncHttpxClient() as http:
        embeddings = OpenAIEmbeddings(
            model="offline",
            base_url=endpoint.url,
            api_key=SecretStr(KEY),
            check_embedding_ctx_length=False,
            max_retries=0,
            http_async_client=http,
        )
        remote = await Encoder(embeddings, name="openai:offline").embed(TEXTS)
    assert (remote == local).all()
