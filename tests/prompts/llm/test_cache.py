"""Kept replies over a real database: what finds one, and which replies are kept at all."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import Generation
from psycopg.conninfo import make_conninfo
from pydantic import Field

from prompts.llm.cache import cache_key
from prompts.llm.errors import ReplyError
from prompts.llm.models import Endpoint, Parameters
from prompts.llm.structured_output import StructuredOutput
from prompts.offline.model import OfflineModel
from prompts.template import Reply
from state.db.migrate import SCHEMA, migrate
from state.domain import Fault
from state.store.reply_cache import PostgresReplyCache, open_reply_cache
from tests.support.greet_prompt import GOOD, Greeting, greet_client
from tests.support.scripted_server import Answer

MESSAGES: list[BaseMessage] = [SystemMessage("Greet."), HumanMessage("Ada")]
COLD = json.dumps({"text": "Hello", "warmth": -3})


@pytest.fixture
async def cache(server: str) -> AsyncIterator[PostgresReplyCache]:
    await migrate(server)
    with open_reply_cache(server) as opened:
        yield opened
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DELETE FROM {SCHEMA}.replies".encode())  # noqa: S608 - our name


def endpoint(
    name: str = "openai:small", address: str = "http://here/v1", **asked: Any  # noqa: ANN401
) -> Endpoint:  # fmt: skip
    return Endpoint(
        name=name,
        model=OfflineModel(),
        structured=StructuredOutput(name),
        parameters=Parameters(**asked),
        address=address,
    )


class Longer(Reply):
    """A greeting."""

    text: str = Field(min_length=1)
    warmth: int
    farewell: str


Asked = tuple[Endpoint, list[BaseMessage], type[Reply], int]
SAME: Asked = (endpoint(), MESSAGES, Greeting, 0)


async def store(cache: PostgresReplyCache, *call: *Asked, text: str) -> None:
    await cache.aupdate(*cache_key(*call), [Generation(text=text)])


async def find(cache: PostgresReplyCache, *call: *Asked) -> str | None:
    found = await cache.alookup(*cache_key(*call))
    return found[0].text if found else None


@pytest.mark.parametrize(
    "other",
    [
        (endpoint("openai:large"), *SAME[1:]),
        (endpoint(address="http://there/v1"), *SAME[1:]),
        (endpoint(temperature=0.5), *SAME[1:]),
        (endpoint(temperature=None), *SAME[1:]),
        (endpoint(max_tokens=100), *SAME[1:]),
        (endpoint(more={"top_p": 0.5}), *SAME[1:]),
        (endpoint(more={"extra_body": {"seed": 1}}), *SAME[1:]),
        (SAME[0], [SystemMessage("Greet!"), MESSAGES[1]], *SAME[2:]),
        (SAME[0], [MESSAGES[0], HumanMessage("Bob")], *SAME[2:]),
        (SAME[0], [SystemMessage("Greet.Ada")], *SAME[2:]),
        (SAME[0], [HumanMessage("Greet."), SystemMessage("Ada")], *SAME[2:]),
        (*SAME[:2], Longer, 0),
        (*SAME[:3], 1),
    ],
    ids=range(13),
)
async def test_a_reply_is_found_for_the_same_call_only(
    cache: PostgresReplyCache, other: Asked
) -> None:
    await store(cache, *SAME, text=GOOD)
    assert await find(cache, *SAME) == GOOD
    assert await find(cache, *other) is None
    await store(cache, *other, text="{}")
    assert await find(cache, *SAME) == GOOD


async def test_settings_that_change_no_reply_find_the_cached_one(cache: PostgresReplyCache) -> None:
    await store(cache, *SAME, text=GOOD)
    assert await find(cache, endpoint(timeout=7), *SAME[1:]) == GOOD
    in_words = replace(SAME[0], structured=StructuredOutput("openai:small", "text"))
    assert await find(cache, in_words, *SAME[1:]) == GOOD
    one, two = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    await store(cache, endpoint(more=one), *SAME[1:], text=GOOD)
    assert await find(cache, endpoint(more=two), *SAME[1:]) == GOOD


async def test_arguments_of_the_model_are_not_stored(
    cache: PostgresReplyCache, server: str
) -> None:
    secret = "sk-in-a-header-0123456789"  # noqa: S105 - it looks like one
    asked = endpoint(more={"default_headers": {"X-Key": secret}})
    await store(cache, asked, *SAME[1:], text=GOOD)
    with psycopg.connect(server) as conn:
        rows = conn.execute(f"SELECT * FROM {SCHEMA}.replies".encode()).fetchall()  # noqa: S608
    assert len(rows) == 1
    assert secret[:12] not in str(rows)


async def test_a_second_call_is_answered_from_the_cache(cache: PostgresReplyCache) -> None:
    noticed: list[Fault] = ["unknown_item"]
    async with greet_client(Answer(text=f"Sure: {GOOD}"), cache=cache) as b:
        first = await b.ask(notice=lambda _: noticed)
        assert await b.ask(notice=lambda _: noticed) == first
        await b.ask(repeat=1)
    assert len(b.endpoint.requests) == 2
    asked, taken, repeated = b.calls
    assert (asked.cached, taken.cached, repeated.cached) == (False, True, False)
    assert (taken.attempts, taken.input_tokens, taken.seconds, taken.outcome) == (0, 0, 0, "ok")
    assert taken.faults == {"unknown_item": 1}


@pytest.mark.parametrize("bad", [Answer(text="no"), Answer(refusal="No."), Answer(text="")])
async def test_only_a_valid_reply_is_cached(
    cache: PostgresReplyCache, server: str, bad: Answer
) -> None:
    async with greet_client(bad, cache=cache, reply_attempts=2) as b:
        with pytest.raises(ReplyError):
            await b.ask()
    with psycopg.connect(server) as conn:
        assert conn.execute(f"SELECT * FROM {SCHEMA}.replies".encode()).fetchall() == []  # noqa: S608
    assert len(b.endpoint.requests) == 2


async def test_a_reply_that_a_check_refused_is_not_cached(cache: PostgresReplyCache) -> None:
    def check(greeting: Greeting) -> None:
        if greeting.warmth < 0:
            raise ValueError("too cold")

    async with greet_client(Answer(text=COLD), Answer(text=GOOD), cache=cache) as b:
        for _ in range(2):
            assert (await b.ask(check=check)).warmth == 3
    assert len(b.endpoint.requests) == 2


async def test_a_cached_reply_that_no_longer_passes_is_asked_for_again(
    cache: PostgresReplyCache,
) -> None:
    def check(greeting: Greeting) -> None:
        if greeting.warmth < 0:
            raise ValueError("too cold")

    async with greet_client(Answer(text=COLD), Answer(text=GOOD), cache=cache) as b:
        await b.ask()
        assert (await b.ask(check=check)).warmth == 3
        assert (await b.ask()).warmth == 3
    assert [call.cached for call in b.calls] == [False, False, True]


@pytest.mark.parametrize("planted", ["no JSON", "{}", f"{GOOD} {COLD}", "", '{"a":' * 50_000])
async def test_a_row_that_was_tampered_with_is_not_used(
    cache: PostgresReplyCache, server: str, planted: str
) -> None:
    async with greet_client(Answer(text=GOOD), cache=cache) as b:
        await b.ask()
        with psycopg.connect(server) as conn:
            row = conn.execute(f"SELECT prompt, llm FROM {SCHEMA}.replies".encode()).fetchone()  # noqa: S608
        assert row is not None
        cache.update(row[0], row[1], [Generation(text=planted)])
        assert (await b.ask()).text == "Hello"
        assert (await b.ask()).text == "Hello"
    assert [call.cached for call in b.calls] == [False, False, True]


@pytest.mark.parametrize("response", ["no JSON", "[]", '{"kwargs": {}}', '{"kwargs": {"text": 5}}'])
async def test_a_row_that_is_no_reply_at_all_is_not_used(
    cache: PostgresReplyCache, server: str, response: str
) -> None:
    async with greet_client(Answer(text=GOOD), cache=cache) as b:
        await b.ask()
        with psycopg.connect(server, autocommit=True) as conn:
            change = f"UPDATE {SCHEMA}.replies SET response = %s"  # noqa: S608
            conn.execute(change.encode(), (response,))
        assert (await b.ask()).text == "Hello"


async def test_a_database_that_is_gone_is_no_failure_of_the_model(server: str) -> None:
    gone = make_conninfo(server, dbname="nowhere")
    with open_reply_cache(gone) as opened:
        async with greet_client(Answer(text=GOOD), cache=opened) as b:
            with pytest.raises(psycopg.Error):
                await b.ask()
    assert (b.call.attempts, b.call.outcome) == (0, "failed")
