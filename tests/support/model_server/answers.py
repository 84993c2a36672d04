"""Answers to requests: replies of the offline model and encoder, with faults where asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.messages.ai import UsageMetadata

from prompts.llm.tokens import estimate_tokens
from prompts.offline.encoder import DIMENSIONS, OfflineEncoder
from prompts.offline.model import OfflineModel
from tests.support.model_server import protocol
from tests.support.model_server.faults import NO_TOOL_CALL, OF_TRANSPORT, Fault, spoiled
from tests.support.model_server.protocol import Body, ChatRequest, RefusedError
from tests.support.model_server.settings import Means, ModelServerSettings

EMBEDDINGS = "embeddings"
"""The name under which embedding requests are counted; others are counted by schema name."""

_PROSE = "What a lovely question! There is much to like here, and I would be happy to say more."
_UNSUPPORTED: dict[Means, tuple[str, str]] = {
    Means.JSON_SCHEMA: (
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this "
        "model.",
        "response_format",
    ),
    Means.FUNCTION_CALLING: ("Invalid parameter: this model does not support tools.", "tools"),
    Means.TEXT: ("Missing required parameter: 'response_format'.", "response_format"),
}
_MODEL = OfflineModel()
_ENCODER = OfflineEncoder()


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """A valid request: the schema it is counted under, and how to write its reply."""

    schema: str
    call: bytes
    """Identifies the call; a retry has the same."""
    kinds: frozenset[Fault]
    """The faults that are possible in its reply."""
    write: Callable[[Fault | None], Body]


def answer_chat(body: Body, settings: ModelServerSettings) -> PreparedAnswer:
    """Return the answer to a request for a completion.

    Raises:
        RefusedError: the request is malformed, or its model or schema is unknown or unsupported.
    """
    request = protocol.read_chat(body)
    _check_model(request.model, settings)
    if request.means not in settings.means:
        return _unsupported(request, settings)
    try:
        # Not through `invoke`: its callbacks and traces take twice as long as the answer.
        result = _MODEL._generate(  # noqa: SLF001
            request.messages,
            response_format={"type": "json_schema", "json_schema": {"name": request.schema}},
        )
    except ValueError as error:
        raise RefusedError(400, str(error)) from error
    text = result.generations[0].text
    usage = _usage(request, text)

    def write(fault: Fault | None) -> Body:
        written = text if fault is None else spoiled(text, fault)
        finish = "length" if fault is Fault.TRUNCATED else "stop"
        if request.means is not Means.FUNCTION_CALLING or fault in NO_TOOL_CALL:
            return protocol.completion(request.model, protocol.said(written), finish, usage)
        message = protocol.called(request.schema, written)
        finish = "tool_calls" if finish == "stop" else finish
        return protocol.completion(request.model, message, finish, usage)

    return PreparedAnswer(request.schema, request.call, frozenset(Fault), write)


def answer_embeddings(body: Body, settings: ModelServerSettings) -> PreparedAnswer:
    """Return the answer to a request for embeddings.

    Raises:
        RefusedError: the request is malformed or the model unknown.
    """
    request = protocol.read_embeddings(body, DIMENSIONS)
    _check_model(request.model, settings)
    vectors = _ENCODER.embed_documents(request.texts)
    tokens = estimate_tokens(*request.texts)
    reply = protocol.embeddings(request, vectors, tokens)
    return PreparedAnswer(EMBEDDINGS, request.call, OF_TRANSPORT, lambda _: reply)


def _check_model(name: str, settings: ModelServerSettings) -> None:
    if settings.models and name not in settings.models:
        raise RefusedError(
            404,
            f"The model `{name}` does not exist or you do not have access to it.",
            code="model_not_found",
        )


def _unsupported(request: ChatRequest, settings: ModelServerSettings) -> PreparedAnswer:
    """Return prose, like an endpoint that ignores parameters it does not know."""
    if not settings.ignore_unsupported:
        message, param = _UNSUPPORTED[request.means]
        raise RefusedError(400, message, param=param)
    reply = protocol.completion(
        request.model, protocol.said(_PROSE), "stop", _usage(request, _PROSE)
    )
    return PreparedAnswer(request.schema, request.call, OF_TRANSPORT, lambda _: reply)


def _usage(request: ChatRequest, answer: str) -> UsageMetadata:
    """Return the token counts of the offline model's estimate."""
    asked = estimate_tokens(*(message.text for message in request.messages))
    answered = estimate_tokens(answer)
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)
