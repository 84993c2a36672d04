"""The one way to call a model, against a real server on this machine."""

import asyncio
import json
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from prompts.llm.client import ModelClient
from prompts.llm.errors import ReplyError
from prompts.llm.limiter import CallLimiter
from state.domain import Call
from tests.support.chat_endpoint import as_endpoint
from tests.support.greet_prompt import (
    GOOD,
    KEY,
    GreetClient,
    Greeting,
    greet_client,
    greeting_templates,
)
from tests.support.scripted_server import Answer, scripted_server


async def test_a_call_sends_template_fields_and_schema_and_returns_the_reply() -> None:
    async with greet_client(Answer(text=GOOD, usage=(21, 7))) as b:
        assert await b.ask() == Greeting(text="Hello", warmth=3)
    (request,) = b.endpoint.requests
    system, human = request["messages"]
    assert system["content"] == "Greet <name>, who likes CDs."
    assert "<name>Ada</name>" in human["content"]
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"]["name"] == "Greeting"
    assert request["response_format"]["json_schema"]["strict"] is True
    assert b.call == Call(
        prompt="greet",
        model="openai:test",
        attempts=1,
        input_tokens=21,
        output_tokens=7,
        seconds=b.call.seconds,
        outcome="ok",
    )
    assert 0 < b.call.seconds < 5


@pytest.mark.parametrize(
    "text",
    [
        f"<think>It is {{easy}}.</think>{GOOD}",
        f"The template opened it.\n</think>\n\n{GOOD}",
        f"<think>one</think><think>two</think>\n```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f"Here it is:\n```json\n{GOOD}\n```\nAnything else?",
        f"\n  {GOOD}  \n",
    ],
)
async def test_thoughts_and_fences_are_cut(text: str) -> None:
    async with greet_client(Answer(text=text)) as b:
        assert (await b.ask()).text == "Hello"
    assert b.call.attempts == 1


async def test_a_reply_may_quote_the_tags() -> None:
    quoted = json.dumps({"text": "a </think> and ```{}```", "warmth": 1})
    async with greet_client(Answer(text=quoted)) as b:
        assert (await b.ask()).text == "a </think> and ```{}```"


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00"])
async def test_half_a_character_does_not_spoil_a_reply(half: str) -> None:
    text = f'{{"text": "Hi \\ud83d\\ude00 {half}", "warmth": 1}}'
    async with greet_client(Answer(text=text)) as b:
        assert (await b.ask()).text == "Hi 😀 \ufffd"


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (Answer(text='{"text": "Hel'), "Invalid JSON"),
        (Answer(text='{"text": "Hello"}'), "warmth: Field required"),
        (Answer(text='{"text": "", "warmth": 1}'), "text: String should have at least 1"),
        (Answer(text=""), "empty"),
        (Answer(text="<think>and it never ended"), "empty"),
        (Answer(text='{"text": "Hel', finish="length"), "token limit"),
        (Answer(text="", finish="content_filter"), "content filter"),
        (Answer(refusal="I will not."), "refused: I will not."),
    ],
)
async def test_a_bad_reply_is_asked_for_again_with_what_was_wrong(bad: Answer, named: str) -> None:
    async with greet_client(bad, Answer(text=GOOD)) as b:
        assert (await b.ask()).warmth == 3
    first, second = (request["messages"] for request in b.endpoint.requests)
    assert second[: len(first)] == first
    assert second[-2]["role"] == "assistant"
    assert second[-2]["content"]
    assert named in second[-1]["content"]
    assert (b.call.attempts, b.call.outcome) == (2, "ok")
    assert (b.call.input_tokens, b.call.output_tokens) == (20, 10)


async def test_a_check_sends_its_reason_back() -> None:
    def check(greeting: Greeting) -> None:
        if greeting.warmth < 5:
            raise ValueError("the warmth must be 5 at least")

    warm = Answer(text=json.dumps({"text": "Hello", "warmth": 7}))
    async with greet_client(Answer(text=GOOD), warm) as b:
        assert (await b.ask(check=check)).warmth == 7
    assert "the warmth must be 5 at least" in b.endpoint.requests[1]["messages"][-1]["content"]


async def test_a_reply_that_stays_bad_is_an_error_with_its_reason() -> None:
    async with greet_client(Answer(text="no " * 2_000), reply_attempts=3) as b:
        with pytest.raises(ReplyError, match="Invalid JSON") as raised:
            await b.ask()
    assert raised.value.prompt == "greet"
    assert len(raised.value.reason) <= 500
    assert len(b.endpoint.requests) == 3
    assert (b.call.attempts, b.call.outcome) == (3, "bad_reply")
    assert b.call.input_tokens == 30


async def test_concurrent_requests_are_bounded() -> None:
    async with greet_client(Answer(text=GOOD, delay=0.05), in_flight=3) as b:
        await asyncio.gather(*(b.ask() for _ in range(12)))
    assert b.endpoint.most_at_once == 3
    assert len(b.calls) == 12


async def test_after_a_failed_recording_few_other_calls_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lost(_: Call) -> None:
        raise ConnectionError

    async with greet_client(Answer(text=GOOD, delay=0.05), in_flight=2) as b:
        monkeypatch.setattr(b, "meter", lost)
        with pytest.raises(ExceptionGroup):
            await all_at_once(b, 12)
    assert len(b.endpoint.requests) == 2, "more were begun than may be lost"


async def all_at_once(b: GreetClient, number: int) -> None:
    async with asyncio.TaskGroup() as calls:
        for _ in range(number):
            calls.create_task(slowly_left(b))


async def slowly_left(b: GreetClient) -> None:
    """Ask, and need a while to tell that it failed, as a graph does."""
    try:
        await b.ask()
    except ConnectionError:
        await asyncio.sleep(0.3)
        raise


async def test_a_cancelled_call_is_metered() -> None:
    async with greet_client(Answer(text=GOOD, delay=0.3)) as b:
        asking = asyncio.create_task(b.ask())
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert (b.call.attempts, b.call.outcome) == (1, "failed")


async def test_a_bug_in_a_check_is_not_a_failure_of_the_model() -> None:
    def check(greeting: Greeting) -> None:
        raise KeyError(greeting.text)

    async with greet_client(Answer(text=GOOD)) as b:
        with pytest.raises(KeyError):
            await b.ask(check=check)


async def test_a_trace_shows_the_name_of_the_prompt() -> None:
    names: list[str] = []

    class Names(AsyncCallbackHandler):
        async def on_chat_model_start(self, *_: Any, **more: Any) -> None:  # noqa: ANN401
            names.append(more["name"])

    async with greet_client(Answer(text=GOOD), callbacks=[Names()]) as b:
        await b.ask()
    assert names == ["greet"]


def test_a_client_serves_one_event_loop_after_another() -> None:
    with scripted_server(Answer(text=GOOD, delay=0.02)) as endpoint:
        model = ChatOpenAI(model="test", base_url=endpoint.url, api_key=SecretStr(KEY))
        b = GreetClient(
            ModelClient(as_endpoint(model), greeting_templates(), limiter=CallLimiter(1)), endpoint
        )

        async def run() -> None:
            await asyncio.gather(b.ask(), b.ask())
            await model.root_async_client.close()

        asyncio.run(run())
    assert endpoint.most_at_once == 1
