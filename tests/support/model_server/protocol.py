"""OpenAI's protocol: what a request asks for, and the bodies of replies and errors."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, convert_to_messages
from langchain_core.messages.ai import UsageMetadata

from tests.support.model_server.settings import Means

Body = dict[str, Any]


class RefusedError(Exception):
    """A request that gets an error in OpenAI's form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Body = {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request for a completion: how it names the schema of its reply, and the name."""

    model: str
    means: Means
    schema: str
    messages: list[BaseMessage]

    @property
    def call(self) -> bytes:
        """Return what stays the same when a client asks again, with messages appended."""
        first = [
            next((message.text for message in self.messages if isinstance(message, role)), "")
            for role in (SystemMessage, HumanMessage)
        ]
        return _digest(self.schema, *first)


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """One request for embeddings."""

    model: str
    texts: list[str]
    base64: bool

    @property
    def call(self) -> bytes:
        """Return what identifies the request: its texts."""
        return _digest("embeddings", *self.texts)


def read_chat(body: Body) -> ChatRequest:
    """Return what a request for a completion asks for.

    Raises:
        RefusedError: no model, no messages, a stream, or no schema that is named.
    """
    if body.get("stream"):
        raise RefusedError(400, "This server does not stream.", param="stream")
    messages = _messages_of(body)
    means, schema = _schema_of(body, messages)
    return ChatRequest(_model_of(body), means, schema, messages)


def read_embeddings(body: Body, dimensions: int) -> EmbeddingsRequest:
    """Return what a request for embeddings of so many `dimensions` asks for.

    Raises:
        RefusedError: no model, an input that is not text, or another number of dimensions.
    """
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise RefusedError(
            400, "Invalid value for 'input': a text or a list of texts is needed.", param="input"
        )
    if body.get("dimensions", dimensions) != dimensions:
        raise RefusedError(
            400, f"This model has {dimensions} dimensions and no other number.", param="dimensions"
        )
    return EmbeddingsRequest(_model_of(body), texts, body.get("encoding_format") == "base64")


def _messages_of(body: Body) -> list[BaseMessage]:
    given = body.get("messages")
    try:
        if isinstance(given, list):
            return convert_to_messages(given)
    except (LookupError, TypeError, ValueError, NotImplementedError):
        pass  # whatever is wrong with one, the same is to be said
    raise RefusedError(
        400, "Invalid value for 'messages': a list of messages is needed.", param="messages"
    )


def _model_of(body: Body) -> str:
    model = body.get("model")
    if not isinstance(model, str):
        raise RefusedError(400, "you must provide a model parameter", param="model")
    return model


def _schema_of(body: Body, messages: Sequence[BaseMessage]) -> tuple[Means, str]:
    """Return by which means the reply's schema is named, and its name."""
    match body:
        case {"response_format": {"type": "json_schema", "json_schema": {"name": str(name)}}}:
            return Means.JSON_SCHEMA, name
        case {"tool_choice": {"function": {"name": str(name)}}, "tools": [_, *_]}:
            return Means.FUNCTION_CALLING, name
        case {"tools": [{"function": {"name": str(name)}}], "tool_choice": "required"}:
            return Means.FUNCTION_CALLING, name
        case {"response_format": {}} | {"tools": [_, *_]}:
            raise RefusedError(400, "Name one schema: by 'response_format', or by a 'tool_choice'.")
    told = next((m.text for m in messages if isinstance(m, SystemMessage)), "")
    if (title := _title_in(told)) is None:
        raise RefusedError(
            400, "No schema is named: by 'response_format', 'tools', or in the system message."
        )
    return Means.TEXT, title


@lru_cache(maxsize=256)
def _title_in(text: str) -> str | None:
    """Return the title of the JSON schema that a text holds."""
    start = text.find("{")
    while start >= 0:
        try:
            match json.JSONDecoder().raw_decode(text, start)[0]:
                case {"title": str(title)}:
                    return title
        except ValueError:  # a brace of the prose
            pass
        start = text.find("{", start + 1)
    return None


def completion(model: str, message: Body, finish: str, usage: UsageMetadata) -> Body:
    """Return the body of a chat completion with one choice."""
    return {
        "id": f"chatcmpl-{time.time_ns()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage["output_tokens"],
            "total_tokens": usage["total_tokens"],
        },
    }


def said(text: str) -> Body:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": text, "refusal": None}


def called(name: str, arguments: str) -> Body:
    """Return a message of the assistant that calls a function."""
    call = {
        "id": f"call_{time.time_ns()}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


def embeddings(request: EmbeddingsRequest, vectors: list[list[float]], tokens: int) -> Body:
    """Return the body of a reply with embeddings, in the encoding that was asked for."""
    return {
        "object": "list",
        "model": request.model,
        "data": [
            {
                "object": "embedding",
                "index": place,
                "embedding": _packed(vector) if request.base64 else vector,
            }
            for place, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def models(names: Sequence[str]) -> Mapping[str, object]:
    """Return the body of a list of models."""
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "recnet"} for name in names
        ],
    }


def _packed(vector: list[float]) -> str:
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def _digest(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()
