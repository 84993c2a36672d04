"""Structured output against a real server: what is asked, what is found once, what stays."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, get_args

import pytest

from prompts.llm.errors import ModelError, ReplyError
from prompts.llm.structured_output import MODES, Mode, schema_of
from prompts.registry import PROMPTS
from prompts.template import Fields, Prompt, Reply
from tests.support.greet_prompt import GOOD, Greeting, greet_client
from tests.support.scripted_server import Answer, failure

ONCE = {"reply_attempts": 1, "request_attempts": 1}
PROSE = Answer(text="What a lovely question!")
UNSUPPORTED: dict[str, Answer] = {
    "OpenAI, schema": failure(
        400,
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this "
        "model. Learn more about supported models at the Structured Outputs guide.",
    ),
    "DeepSeek, schema": failure(400, "This response_format type is unavailable now"),
    "Groq, schema": failure(400, "This model does not support response format `json_schema`."),
    "Mistral, schema": Answer(
        status=422, body={"object": "error", "message": "Unsupported response_format"}
    ),
    "Ollama, tools": failure(
        400, "registry.ollama.ai/library/gemma:2b does not support tools"
    ),
    "vLLM, tools": failure(
        400,
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ),
    "OpenRouter, tools": failure(404, "No endpoints found that support tool use."),
}  # fmt: skip
PORTABLE = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "description"}
    | {"anyOf", "const", "$ref", "$defs"}
)
"""The keywords that every strict endpoint reads."""


def mode_of(request: dict[str, Any]) -> Mode:
    if "response_format" in request:
        return "json_schema"
    return "function_calling" if "tools" in request else "text"


def well(mode: Mode) -> Answer:
    if mode == "function_calling":
        return Answer(arguments=GOOD, finish="tool_calls")
    return Answer(text=GOOD)


def supporting(
    *supported: Mode, otherwise: Answer | None = None
) -> Callable[[dict[str, Any]], Answer]:
    """Answer what is asked by one of `supported` well, and anything else as it is told."""

    def answer(request: dict[str, Any]) -> Answer:
        mode = mode_of(request)
        if mode in supported:
            return well(mode)
        about = {"json_schema": "response_format", "function_calling": "tools"}.get(mode, "prompt")
        return otherwise or failure(400, f"this model does not support {about}")

    return answer


async def test_a_function_is_named_described_and_chosen() -> None:
    async with greet_client(well("function_calling"), mode="function_calling") as b:
        assert await b.ask() == Greeting(text="Hello", warmth=3)
    (request,) = b.endpoint.requests
    (tool,) = request["tools"]
    assert tool["type"] == "function"
    assert tool["function"]["name"] == "Greeting"
    assert tool["function"]["description"] == "A greeting."
    assert tool["function"]["parameters"]["required"] == ["text", "warmth"]
    assert request["tool_choice"] == {"type": "function", "function": {"name": "Greeting"}}
    assert "response_format" not in request


async def test_in_words_the_schema_ends_the_system_message_and_nothing_else_changes() -> None:
    bad = Answer(text="no")
    asked = []
    for mode in ("json_schema", "text"):
        async with greet_client(bad, Answer(text=GOOD), mode=mode) as b:
            await b.ask()
        asked.append([request["messages"] for request in b.endpoint.requests])
        assert {mode_of(request) for request in b.endpoint.requests} == {mode}
    for plain, worded in zip(*asked, strict=True):
        assert worded[1:] == plain[1:]
        assert worded[0]["role"] == "system"
        assert worded[0]["content"].startswith(plain[0]["content"] + "\n\nReply with one JSON")
        schema = json.loads(worded[0]["content"].rpartition("\n")[2])
        assert schema == {"title": "Greeting", **schema_of(Greeting)}


@pytest.mark.filterwarnings("ignore:This model does not support OpenAI's structured output")
@pytest.mark.parametrize("said", UNSUPPORTED)
async def test_a_refused_mode_falls_back_once_for_all_calls(
    said: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused = said.rpartition(" ")[2]
    supported: tuple[Mode, ...] = ("text",) if refused == "tools" else ("function_calling", "text")
    steps = len(MODES) - len(supported)
    server = supporting(*supported, otherwise=UNSUPPORTED[said])
    before = [UNSUPPORTED["OpenAI, schema"]] if refused == "tools" else []
    async with greet_client(
        *before, server, mode="auto", reply_attempts=1, request_attempts=1
    ) as b:
        with caplog.at_level(logging.INFO, "prompts.llm.structured_output"):
            await b.ask()
            await b.ask()
    assert [mode_of(request) for request in b.endpoint.requests] == [
        *MODES[: steps + 1],
        MODES[steps],
    ]
    first, second = b.calls
    assert (first.faults, first.attempts) == ({"unsupported": steps}, steps + 1)
    assert (second.faults, second.attempts) == ({}, 1)
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == steps
    assert f"RECNET_STRUCTURED_OUTPUT={MODES[steps]}" in warned[-1]
    assert "openai:test" in warned[-1]


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs"}]},
        {"detail": "no response_format here"},
        {"error": "unknown field `response_format`"},
        "response_format is not supported",
    ],
)
async def test_a_refusal_is_understood_in_whatever_form_it_comes(body: Any) -> None:  # noqa: ANN401
    refusal = Answer(status=422, body=body)
    async with greet_client(refusal, well("function_calling"), mode="auto", reply_attempts=1) as b:
        await b.ask()
    assert b.call.faults == {"unsupported": 1}


async def test_not_implemented_is_a_refusal_at_once() -> None:
    refusal = failure(501, "response_format: not implemented")
    async with greet_client(refusal, well("function_calling"), mode="auto", reply_attempts=1) as b:
        await b.ask()
    assert (b.call.faults, b.call.attempts) == ({"unsupported": 1}, 2)


async def test_a_refusal_in_openais_words_is_no_warning_of_a_library(
    recwarn: pytest.WarningsRecorder,
) -> None:
    refusal = UNSUPPORTED["OpenAI, schema"]
    async with greet_client(refusal, well("function_calling"), mode="auto") as b:
        await b.ask()
    assert not recwarn.list


async def test_concurrent_first_calls_find_the_mode_together(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with greet_client(
        supporting("text"), mode="auto", reply_attempts=1, request_attempts=1
    ) as b:
        replies = await asyncio.gather(*(b.ask() for _ in range(16)))
    assert replies == [Greeting(text="Hello", warmth=3)] * 16
    assert all(call.outcome == "ok" and call.attempts <= len(MODES) for call in b.calls)
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 2


async def test_a_mode_that_is_ignored_from_the_start_falls_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with greet_client(supporting("function_calling", otherwise=PROSE), mode="auto") as b:
        await b.ask()
        await b.ask()
    assert [mode_of(request) for request in b.endpoint.requests] == [
        "json_schema", "json_schema", "function_calling", "function_calling",
    ]  # fmt: skip
    assert b.calls[0].faults == {"invalid_json": 2}
    assert "another shape" in caplog.text


async def test_an_endpoint_that_ignores_all_modes_but_text_answers_its_first_call() -> None:
    async with greet_client(supporting("text", otherwise=PROSE), mode="auto") as b:
        assert (await b.ask()).text == "Hello"


@pytest.mark.parametrize("bad", [PROSE, Answer(text='{"answer": 1}'), Answer(text="")])
async def test_after_one_good_reply_no_bad_one_changes_the_mode(bad: Answer) -> None:
    async with greet_client(Answer(text=GOOD), bad, mode="auto") as b:
        await b.ask()
        for _ in range(2):
            with pytest.raises(ReplyError):
                await b.ask()
    assert {mode_of(request) for request in b.endpoint.requests} == {"json_schema"}


@pytest.mark.parametrize("bad", [Answer(text=""), Answer(refusal="No."), failure(500, "tools")])
async def test_an_answer_that_says_nothing_of_the_mode_does_not_change_it(bad: Answer) -> None:
    async with greet_client(*[bad] * 4, Answer(text=GOOD), mode="auto", reply_attempts=5) as b:
        await b.ask()
    assert {mode_of(request) for request in b.endpoint.requests} == {"json_schema"}


@pytest.mark.parametrize("mode", get_args(Mode))
async def test_a_mode_that_is_set_stays(mode: Mode) -> None:
    async with greet_client(PROSE, mode=mode, reply_attempts=4) as b:
        with pytest.raises(ReplyError):
            await b.ask()
    refusal = failure(400, "no response_format, no tools, no prompt")
    async with greet_client(refusal, mode=mode) as refused:
        with pytest.raises(ModelError, match="no response_format"):
            await refused.ask()
    assert [mode_of(request) for request in b.endpoint.requests] == [mode] * 4
    assert [mode_of(request) for request in refused.endpoint.requests] == [mode]


@pytest.mark.parametrize(
    ("error", "requests"),
    [
        (failure(401, "Incorrect API key provided: response_format tools"), 1),
        (failure(403, "no access to structured output"), 1),
        (failure(404, "The model `small` does not exist", code="model_not_found"), 1),
        (failure(400, "small is not a valid model ID"), 1),
        (failure(404, "The model `tool-small` does not exist"), 1),
        (failure(404, "The model `schema-small` does not exist"), 2),
        (failure(404, "The model `schema-tool` does not exist"), len(MODES)),
    ],
)
async def test_a_key_or_model_that_is_wrong_ends_in_its_own_error(
    error: Answer, requests: int
) -> None:
    async with greet_client(error, mode="auto") as b:
        with pytest.raises(ModelError, match=r"OPENAI_API_KEY|RECNET_MODEL"):
            await b.ask()
    assert len(b.endpoint.requests) == requests


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: str(prompt.name))
def test_the_schema_of_a_prompt_is_strict_everywhere(prompt: Prompt[Fields, Reply]) -> None:
    objects = 0

    def look(schema: Any) -> None:  # noqa: ANN401 - JSON
        nonlocal objects
        assert schema.keys() <= PORTABLE
        if schema.get("type") == "object":
            objects += 1
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
        if "$ref" in schema:
            assert schema.keys() == {"$ref"}, "beside a reference nothing else may stand"
        named = {**schema.get("properties", {}), **schema.get("$defs", {})}
        for held in (*named.values(), *schema.get("anyOf", ())):
            look(held)
        if "items" in schema:
            look(schema["items"])

    look(schema_of(prompt.reply))
    assert objects
    described = schema_of(prompt.reply)["properties"].values()
    assert all(held["description"] for held in described)
