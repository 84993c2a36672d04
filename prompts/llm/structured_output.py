"""Structured output: the best means by which an endpoint gives a reply its shape.

JSON schema, then function calling, then the schema in words. langchain's `with_structured_output`
hides what was wrong with a reply, so the request is bound here and the reply is read in `reply`.
"""

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema

from prompts.template import Reply
from state.domain import Fault

Means = Literal["json_schema", "function_calling", "text"]
Model = Runnable[LanguageModelInput, AIMessage]
MEANS: tuple[Means, ...] = get_args(Means)
"""Best first."""

_IN_WORDS: Mapping[Means, str] = {
    "json_schema": "JSON schema",
    "function_calling": "function calling",
    "text": "JSON in text",
}
_MISSES = 2
"""Replies without the asked-for shape, before any good one, that tell an endpoint ignores it."""

_REFUSALS = frozenset({400, 404, 415, 422, 501})
_NAMES_MEANS: Mapping[Means, re.Pattern[str]] = {
    "json_schema": re.compile(r"response.?format|schema|structured|grammar|guided", re.IGNORECASE),
    "function_calling": re.compile(r"tool|function", re.IGNORECASE),
}
_UNKNOWN_TO_STRICT = frozenset({"minLength", "maxLength", "minItems", "maxItems", "title"})
"""Bounds that endpoints refuse in a strict schema; they are checked when the reply is read."""

_log = logging.getLogger(__name__)


class StructuredOutput:
    """The means one endpoint is asked by; `auto` finds the best it takes, once.

    An endpoint that refuses a means, or ignores it from the start, is asked by the next one from
    then on. The first good reply settles it.
    """

    def __init__(self, name: str, means: Means | Literal["auto"] = "auto") -> None:
        self._name = name
        self._left = list(MEANS) if means == "auto" else [means]
        self._settled = means != "auto"
        self._missed = 0

    @property
    def means(self) -> Means:
        """The means that the next request is to use."""
        return self._left[0]

    def refused(self, means: Means, said: str, status: int | None) -> bool:
        """Return whether an endpoint's error says that it takes no such means, and another may do.

        Requests that were under way when the means was given up are sent again by the next one.
        """
        if not names_means(means, said, status):
            return False
        if means == self.means:
            self._give_up(f"the endpoint refused it: {said}")
        return means != self.means

    def answered(self, means: Means, fault: Fault | None) -> bool:
        """Learn from a reply whether it had the asked-for shape; return whether to ask otherwise.

        Then the means by which it was asked is given up, and the reply no fault of the model.
        """
        if self._settled or means != self.means:
            return means != self.means
        if fault is None:
            self._settled = True
            _log.info("%s: structured output by %s", self._name, _IN_WORDS[means])
        elif fault in ("invalid_json", "wrong_shape"):
            self._missed += 1
            if self._missed == _MISSES:
                self._give_up("its replies have another shape")
        return means != self.means

    def _give_up(self, reason: str) -> None:
        if self._settled or len(self._left) == 1:
            return
        given_up = self._left.pop(0)
        self._missed = 0
        _log.warning(
            "%s: no structured output by %s (%s); trying %s. "
            "RECNET_STRUCTURED_OUTPUT=%s says so from the start",
            self._name, _IN_WORDS[given_up], reason, _IN_WORDS[self.means], self.means,
        )  # fmt: skip


def names_means(means: Means, said: str, status: int | None) -> bool:
    """Return whether an endpoint's error is about the means by which it was asked."""
    pattern = _NAMES_MEANS.get(means)
    return status in _REFUSALS and pattern is not None and bool(pattern.search(said))


def bind_reply(model: BaseChatModel, means: Means, reply: type[Reply]) -> Model:
    """Return the model asked for a reply of the shape of `reply` by `means`.

    The name of the schema or function is that of the class.
    """
    if means == "json_schema":
        return model.bind(response_format={"type": "json_schema", "json_schema": _named(reply)})
    if means == "function_calling":
        named = _named(reply)
        function = {
            "name": named["name"],
            "description": reply.__doc__ or "",
            "parameters": named["schema"],
        }
        choice = {"type": "function", "function": {"name": named["name"]}}
        tools = [{"type": "function", "function": function}]
        return model.bind(tools=tools, tool_choice=choice)
    return model


def word_schema(messages: list[BaseMessage], means: Means, reply: type[Reply]) -> list[BaseMessage]:
    """Return the messages as `means` needs them: where it is text, with the schema in words."""
    if means != "text":
        return messages
    first, *others = messages
    schema = json.dumps({"title": reply.__name__, **schema_of(reply)}, ensure_ascii=False)
    asked = f"Reply with one JSON object that fits this JSON schema, and nothing else:\n{schema}"
    return [SystemMessage(f"{first.text}\n\n{asked}"), *others]


@cache
def schema_of(reply: type[Reply]) -> dict[str, Any]:
    """Return the JSON schema of a reply, with nothing in it that a strict endpoint refuses."""
    plain: dict[str, Any] = _without_bounds(convert_to_json_schema(reply, strict=True))
    return plain


def _named(reply: type[Reply]) -> dict[str, Any]:
    return {"name": reply.__name__, "schema": schema_of(reply), "strict": True}


def _without_bounds(schema: Any, *, names: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Drop unknown keywords; under `properties` the keys are names and stay."""
    if isinstance(schema, list):
        return [_without_bounds(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_bounds(value, names=key == "properties" and not names)
        for key, value in schema.items()
        if names or key not in _UNKNOWN_TO_STRICT
    }
