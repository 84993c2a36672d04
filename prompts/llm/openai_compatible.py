"""Chat models of any endpoint of OpenAI's protocol, with what langchain's own leaves out."""

from typing import Any

import openai
from langchain_core.language_models import LanguageModelInput
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI

_NO_COMPLETION = "what came is no completion; does the address end in /v1?"
_NOT_READ = (ValueError, TypeError, LookupError, AttributeError)
_AS_THEY_ARE = ("messages", "response_format")
"""What is large in a request."""


class NoCompletionError(openai.OpenAIError):
    """What came with status 200 is no completion; `status_code` is an error's in its place."""

    def __init__(self, said: object) -> None:
        named = said if isinstance(said, dict) else {}
        super().__init__(str(named.get("message") or said))
        code = named.get("code")
        self.status_code = code if isinstance(code, int) else None


class CompatibleModel(ChatOpenAI):
    """Keeps thoughts that come apart from the text; no trace holds its headers.

    Raises:
        NoCompletionError: what came is no completion.
    """

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Return what traces leave out: the key, and headers, which may hold another."""
        held = super().lc_secrets
        return held | ({"default_headers": "RECNET_MODEL_OPTIONS"} if self.default_headers else {})

    def _get_request_payload(
        self,
        input_: LanguageModelInput,
        *,
        stop: list[str] | None = None,
        **more: Any,  # noqa: ANN401 - as theirs
    ) -> dict[str, Any]:
        """Return the request, its large parts as they are to be sent.

        The openai library would look each of their keys up among its types, for some that have
        another name in Python; here none has. That takes longer than everything else it does.
        """
        payload = super()._get_request_payload(input_, stop=stop, **more)
        if "messages" in payload:
            ready = {name: payload.pop(name) for name in _AS_THEY_ARE if name in payload}
            payload["messages"] = []  # the library insists on some
            payload["extra_body"] = ready | (payload.get("extra_body") or {})
        return payload

    async def _agenerate(self, *given: Any, **more: Any) -> ChatResult:  # noqa: ANN401 - as theirs
        try:
            result = await super()._agenerate(*given, **more)
        except _NOT_READ as error:
            if "unexpected keyword" in str(error):  # a mistake among the options
                raise
            raise NoCompletionError(_error_in(error) or _NO_COMPLETION) from None
        if not result.generations:
            raise NoCompletionError(_NO_COMPLETION)
        return result

    def _create_chat_result(
        self,
        response: dict[str, Any] | openai.BaseModel,
        generation_info: Any = None,  # noqa: ANN401
    ) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        for choice, made in zip(getattr(response, "choices", ()), result.generations, strict=False):
            said = choice.message
            # vLLM has renamed it.
            thoughts = getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None)
            if thoughts:
                made.message.additional_kwargs["reasoning_content"] = thoughts
        return result


def _error_in(error: Exception) -> object:
    """Return the error that an endpoint sent in place of a completion."""
    if error.args and isinstance(error.args[0], dict):
        return error.args[0]
    try:
        body = error.response.json()  # type: ignore[attr-defined]  # langchain adds it
    except (AttributeError, ValueError):
        return None
    return body.get("error") if isinstance(body, dict) else None
