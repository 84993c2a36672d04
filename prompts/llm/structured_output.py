"""Structured output: the best mode in which an endpoint replies by a schema.

LangChain's `with_structured_output` hides what was wrong with a reply, so the schema is bound here
and the reply is read in `parsing`.
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

Mode = Literal["json_schema", "function_calling", "text"]
Model = Runnable[LanguageModelInput, AIMessage]
MODES: tuple[Mode, ...] = get_args(Mode)
"""Best first."""

_MISSES = 2
"""Replies of another shape, before any good one, that show that an endpoint ignores a mode."""
_REFUSALS = frozenset({400, 404, 415, 422, 501})
_NAMES_MODE: Mapping[Mode, re.Pattern[str]] = {
    "json_schema": re.compile(r"response.?format|schema|structured|grammar|guided", re.IGNORECASE),
    "function_calling": re.compile(r"tool|function", re.IGNORECASE),
}
_NOT_STRICT = frozenset({"minLength", "maxLength", "minItems", "maxItems", "title"})
"""Keywords that endpoints refuse in a strict schema; parsing a reply checks the bounds."""

_log = logging.getLogger(__name__)


class StructuredOutput:
    """The mode in which one endpoint is asked; `auto` finds the best one that it supports.

    Where an endpoint refuses a mode, or ignores it from the start, all later requests fall back to
    the next one. The first good reply settles the mode.
    """

    def __init__(self, name: str, mode: Mode | Literal["auto"] = "auto") -> None:
        self._name = name
        self._left = list(MODES) if mode == "auto" else [mode]
        self._settled = mode != "auto"
        self._missed = 0

    @property
    def mode(self) -> Mode:
        """The mode of the next request."""
        return self._left[0]

    def refused(self, mode: Mode, detail: str, status: int | None) -> bool:
        """Return whether an error says that `mode` is not supported, and another one is left.

        Requests that were under way at a fall-back are sent again in the new mode.
        """
        if not is_about_mode(mode, detail, status):
            return False
        if mode == self.mode:
            self._fall_back(f"the endpoint refused it: {detail}")
        return mode != self.mode

    def answered(self, mode: Mode, fault: Fault | None) -> bool:
        """Note a reply and its fault, if any; return whether to ask again in another mode.

        Then the reply does not count as a bad one.
        """
        if self._settled or mode != self.mode:
            return mode != self.mode
        if fault is None:
            self._settled = True
            _log.info("%s: structured output by %s", self._name, mode)
        elif fault in ("invalid_json", "wrong_shape"):
            self._missed += 1
            if self._missed == _MISSES:
                self._fall_back("its replies have another shape")
        return mode != self.mode

    def _fall_back(self, reason: str) -> None:
        if self._settled or len(self._left) == 1:
            return
        refused = self._left.pop(0)
        self._missed = 0
        _log.warning(
            "%s: no structured output by %s (%s); trying %s. "
            "Set RECNET_STRUCTURED_OUTPUT=%s to begin with it",
            self._name, refused, reason, self.mode, self.mode,
        )  # fmt: skip


def is_about_mode(mode: Mode, detail: str, status: int | None) -> bool:
    """Return whether an endpoint's error is about the mode in which it was asked."""
    pattern = _NAMES_MODE.get(mode)
    return status in _REFUSALS and pattern is not None and bool(pattern.search(detail))


def bind_reply(model: BaseChatModel, mode: Mode, reply: type[Reply]) -> Model:
    """Return the model asked for a reply by the schema of `reply`, which has the class's name."""
    name, schema = reply.__name__, schema_of(reply)
    if mode == "json_schema":
        named = {"name": name, "schema": schema, "strict": True}
        return model.bind(response_format={"type": "json_schema", "json_schema": named})
    if mode == "function_calling":
        function = {"name": name, "description": reply.__doc__ or "", "parameters": schema}
        choice = {"type": "function", "function": {"name": name}}
        return model.bind(tools=[{"type": "function", "function": function}], tool_choice=choice)
    return model


def add_schema(messages: list[BaseMessage], mode: Mode, reply: type[Reply]) -> list[BaseMessage]:
    """Return the messages as `mode` needs them: in mode `text` with the schema in words."""
    if mode != "text":
        return messages
    first, *others = messages
    schema = json.dumps({"title": reply.__name__, **schema_of(reply)}, ensure_ascii=False)
    asked = f"Reply with one JSON object that fits this JSON schema, and nothing else:\n{schema}"
    return [SystemMessage(f"{first.text}\n\n{asked}"), *others]


@cache
def schema_of(reply: type[Reply]) -> dict[str, Any]:
    """Return the JSON schema of a reply, with nothing in it that a strict endpoint refuses."""
    strict: dict[str, Any] = _strict(convert_to_json_schema(reply, strict=True))
    return strict


def _strict(schema: Any, *, names: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Drop keywords that are not strict; under `properties` the keys are names and stay."""
    if isinstance(schema, list):
        return [_strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _strict(value, names=key == "properties" and not names)
        for key, value in schema.items()
        if names or key not in _NOT_STRICT
    }
