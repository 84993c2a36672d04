"""The HTTP client of endpoints: keys are masked, thoughts kept, and what is no completion named."""

from typing import Any

import pytest

from prompts.llm.http_client import EndpointClient, NoCompletionError
from tests.support.scripted_server import Answer, scripted_server

KEY = "sk-not-to-be-shown-0123456789"


async def post(answer: Answer, path: str = "/chat/completions") -> Any:  # noqa: ANN401 - a response
    with scripted_server(answer) as endpoint:
        async with EndpointClient(timeout=5, keys=[KEY]) as client:
            return await client.post(f"{endpoint.url}{path}", json={})


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings"])
@pytest.mark.parametrize("status", [200, 401])
async def test_a_key_is_masked_in_every_response(path: str, status: int) -> None:
    response = await post(Answer(text=f"The key is {KEY}.", status=status), path)
    assert response.status_code == status
    assert response.json()["choices"][0]["message"]["content"] == "The key is ***."


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_separate_thoughts_stand_in_front_of_the_text(name: str) -> None:
    message = {"role": "assistant", "content": "Hello", name: "A greeting."}
    response = await post(Answer(body={"choices": [{"index": 0, "message": message}]}))
    (choice,) = response.json()["choices"]
    assert choice["message"]["content"] == "<think>A greeting.</think>Hello"


@pytest.mark.parametrize(
    ("body", "text", "status"),
    [
        ("<html>", "does the address end in /v1", None),
        ({"error": {"message": "busy", "code": 429}}, "busy", 429),
        ({"error": "no such model"}, "no such model", None),
    ],
)
async def test_a_success_without_a_completion_is_an_error(
    body: Any,  # noqa: ANN401 - JSON
    text: str,
    status: int | None,
) -> None:
    with pytest.raises(NoCompletionError, match=text) as raised:
        await post(Answer(body=body))
    assert raised.value.status_code == status


async def test_an_error_response_is_left_to_the_library() -> None:
    response = await post(Answer(status=404, body={"error": {"message": "no model"}}))
    assert (response.status_code, response.json()["error"]["message"]) == (404, "no model")


async def test_a_stream_of_events_passes() -> None:
    events = 'data: {"choices": []}\n\ndata: [DONE]\n\n'
    response = await post(Answer(body=events, headers={"content-type": "text/event-stream"}))
    assert [line async for line in response.aiter_lines() if line] == events.split("\n\n")[:2]
