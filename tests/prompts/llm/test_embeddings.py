"""Encoders: unit vectors, no text without meaning, and what cannot be kept."""

import asyncio
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

from prompts.llm.embeddings import MOST_DIMENSIONS, Encoder, load_encoder
from prompts.llm.errors import CallError, ModelError, ReplyError
from prompts.llm.http_client import EndpointClient
from prompts.llm.limiter import CallLimiter
from state.domain import Call
from tests.support.scripted_server import Answer, failure, scripted_server, vectors_answer

KEY = "sk-not-to-be-shown-0123456789"


class Written(Embeddings):
    """An encoder of another library, which gives what was written down."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self.vectors = vectors
        self.asked: list[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.append(texts)
        return [self.vectors[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.vectors[text]


async def test_rows_have_unit_length_in_the_order_of_the_texts() -> None:
    encoder = Encoder(Written({"a": [3, 4], "b": [0, -2]}), name="written")
    rows = await encoder.embed(["b", "a"])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, -1], [np.float32(0.6), np.float32(0.8)]]


async def test_equal_texts_are_embedded_once() -> None:
    written = Written({"a": [1, 0], "b": [0, 1]})
    rows = await Encoder(written, name="written").embed(["a", "b", "a", "a"])
    assert written.asked == [["a", "b"]]
    assert rows.tolist() == [[1, 0], [0, 1], [1, 0], [1, 0]]


async def test_no_texts_send_no_request() -> None:
    written = Written({})
    assert (await Encoder(written, name="written").embed([])).shape == (0, 0)
    assert written.asked == []


@pytest.mark.parametrize("empty", ["", " \n\t"])
async def test_an_empty_text_is_refused(empty: str) -> None:
    written = Written({"a": [1.0]})
    with pytest.raises(ValueError, match="empty text"):
        await Encoder(written, name="written").embed(["a", empty])
    assert written.asked == []


@pytest.mark.parametrize(
    ("vectors", "named"),
    [
        ({"a": [0.0, 0.0], "b": [1, 0]}, "zero or not finite"),
        ({"a": [float("nan"), 0.0], "b": [1, 0]}, "zero or not finite"),
        ({"a": [float("inf"), 0.0], "b": [1, 0]}, "zero or not finite"),
        ({"a": [1.0], "b": [1, 0]}, "several lengths"),
        ({"a": [], "b": []}, "zero or not finite"),
        ({"a": [1.0] * 1_901, "b": [1.0] * 1_901}, "1901 dimensions.*choose fewer.*@1024"),
    ],
)
async def test_unusable_vectors_are_refused(vectors: dict[str, list[float]], named: str) -> None:
    with pytest.raises(ModelError, match=named) as raised:
        await Encoder(Written(vectors), name="written").embed(["a", "b"])
    assert str(raised.value).startswith("written: ")


async def test_the_widest_vector_is_accepted() -> None:
    encoder = Encoder(Written({"a": [1.0] * MOST_DIMENSIONS}), name="written")
    assert (await encoder.embed(["a"])).shape == (1, MOST_DIMENSIONS)


async def test_the_offline_encoder_is_the_same_each_time() -> None:
    encoder = load_encoder("offline")
    assert encoder.name == "offline"
    rows = await encoder.embed(["progressive rock", "progressive rock bands", "knitting"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert np.array_equal(
        rows,
        await load_encoder("offline").embed(
            ["progressive rock", "progressive rock bands", "knitting"]
        ),
    )


async def test_the_next_batch_begins_once_the_last_one_is_recorded() -> None:
    written, limiter = Written({"a": [1], "b": [1]}), CallLimiter(1)
    encoder, recorded = Encoder(written, name="written", limiter=limiter), asyncio.Event()

    async def slowly(_: Call) -> None:
        await recorded.wait()

    first = asyncio.create_task(encoder.embed(["a"], slowly))
    second = asyncio.create_task(encoder.embed(["b"]))
    await asyncio.sleep(0.01)
    assert written.asked == [["a"]]
    recorded.set()
    await asyncio.wait_for(asyncio.gather(first, second), 10)
    assert written.asked == [["a"], ["b"]]


async def embed(*answers: Answer, **options: Any) -> tuple[list[list[float]], int]:  # noqa: ANN401
    """Embed one text through a real client; return the rows and the number of requests."""
    with scripted_server(*answers) as endpoint:
        async with EndpointClient(timeout=5) as client:
            embeddings = OpenAIEmbeddings(
                model="test",
                base_url=endpoint.url,
                api_key=SecretStr(KEY),
                max_retries=0,
                check_embedding_ctx_length=False,
                http_async_client=client,
            )
            encoder = Encoder(embeddings, name="openai:test", retry_wait=0.001, **options)
            try:
                rows = await encoder.embed(["a text"])
            except CallError as error:
                error.add_note(str(len(endpoint.requests)))
                raise
            return rows.tolist(), len(endpoint.requests)


async def test_a_transient_failure_is_retried() -> None:
    assert await embed(failure(503, "loading"), vectors_answer([0.0, 2.0])) == ([[0, 1]], 2)


async def test_request_attempts_are_bounded() -> None:
    with pytest.raises(ReplyError, match="keeps failing") as raised:
        await embed(failure(500, "oh"), request_attempts=3)
    assert raised.value.__notes__ == ["3"]


async def test_a_refused_key_is_one_line_at_once() -> None:
    with pytest.raises(ModelError, match="set RECNET_EMBEDDING_API_KEY") as raised:
        await embed(failure(401, f"Incorrect API key provided: {KEY}"))
    assert KEY not in str(raised.value)
    assert raised.value.__notes__ == ["1"]


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("openai:text-embedding-3-small", "OPENAI_API_KEY"),
        ("nowhere:small", "no provider is known for 'nowhere:small'"),
        ("small", "no provider is known for 'small': write provider:model"),
        ("", "set it to offline"),
        ("cohere:small", "langchain-cohere"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_set(
    name: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ModelError, match=named) as raised:
        load_encoder(name)
    assert str(raised.value).startswith("RECNET_EMBEDDING=")
    assert "\n" not in str(raised.value)


def test_dimensions_are_part_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any text")
    encoder = load_encoder("openai:text-embedding-3-large@1024", timeout=7)
    assert encoder.name == "openai:text-embedding-3-large@1024"
    embeddings = encoder.embeddings
    assert isinstance(embeddings, OpenAIEmbeddings)
    assert (embeddings.model, embeddings.dimensions) == ("text-embedding-3-large", 1024)
    assert (embeddings.request_timeout, embeddings.max_retries) == (7, 0)
