"""The HTTP client of OpenAI-compatible endpoints: it reads a response before their library does.

Import it late: the openai library takes a second.
"""

import json
from collections.abc import Sequence
from typing import Any

import openai
from langchain_openai import ChatOpenAI

_NO_COMPLETION = "the reply is not a chat completion; does the address end in /v1?"
_REWRITTEN = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class NoCompletionError(openai.OpenAIError):
    """A response with status 200 is not a completion; `status_code` is that of an error inside."""

    def __init__(self, error: object) -> None:
        named = error if isinstance(error, dict) else {}
        super().__init__(str(named.get("message") or error or _NO_COMPLETION))
        code = named.get("code")
        self.status_code = code if isinstance(code, int) else None


class CompatibleModel(ChatOpenAI):
    """A chat model of such an endpoint whose headers, which may hold a key, are in no trace."""

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Return the fields that traces leave out, with the variables they come from."""
        held = super().lc_secrets
        return held | ({"default_headers": "RECNET_MODEL_OPTIONS"} if self.default_headers else {})


class EndpointClient(openai.DefaultAsyncHttpxClient):
    """Masks `keys` in every response, and makes completions readable for langchain.

    langchain drops thoughts that come apart from the text: they are put in front of it, between
    `<think>` tags. Anything but a completion becomes one error.
    """

    def __init__(self, *, timeout: float, keys: Sequence[str] = ()) -> None:
        super().__init__(timeout=timeout)
        self._keys = [key.encode() for key in keys]

    async def send(self, request: Any, **more: Any) -> Any:  # noqa: ANN401 - of its HTTP library
        """Send a request, and return its response, read and rewritten.

        Raises:
            NoCompletionError: a chat request succeeded without a completion.
        """
        response = await super().send(request, **more)
        content = await response.aread()
        for key in self._keys:
            content = content.replace(key, b"***")
        streamed = "event-stream" in response.headers.get("content-type", "")
        if response.is_success and request.url.path.endswith("/chat/completions") and not streamed:
            content = _rewrite_completion(content)
        return type(response)(
            response.status_code,
            headers={k: v for k, v in response.headers.items() if k not in _REWRITTEN},
            content=content,
            request=request,
        )


def _rewrite_completion(content: bytes) -> bytes:
    body: Any = None
    try:
        body = json.loads(content)
        moved = [_move_thoughts(choice["message"]) for choice in body["choices"]]
    except (ValueError, TypeError, LookupError, AttributeError):
        moved = []
    error = body.get("error") if isinstance(body, dict) else None
    if error or not moved:
        raise NoCompletionError(error)
    return json.dumps(body).encode() if any(moved) else content


def _move_thoughts(message: dict[str, Any]) -> bool:
    """Put separate thoughts in front of the text; return whether there were any."""
    thoughts = message.get("reasoning_content") or message.get("reasoning")  # vLLM renamed it
    if thoughts:
        message["content"] = f"<think>{thoughts}</think>{message.get('content') or ''}"
    return bool(thoughts)
