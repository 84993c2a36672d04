"""The kinds of faulty replies, and how a sound text is made faulty."""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """A kind of faulty reply."""

    BUSY = "busy"
    """429, with a Retry-After."""
    SERVER_ERROR = "server_error"
    """500."""
    DROPPED = "dropped"
    """The connection is closed without a response."""
    HANG = "hang"
    """A sound reply, late."""
    INVALID_JSON = "invalid_json"
    WRONG_SHAPE = "wrong_shape"
    """The right JSON, one level too deep."""
    EMPTY = "empty"
    PROSE = "prose"
    """The right JSON with prose before and after it."""
    THINK = "think"
    """The right JSON after a thought that holds another object of the same shape."""
    TRUNCATED = "truncated"
    """The first half, with the finish reason `length`."""


_NAMES = frozenset({"module", "name", "rule", "partner", "action"})
"""Fields that must repeat a word of the prompt; a decoy with another word would be invalid."""


def decoy(text: str) -> str:
    """Return JSON of the same shape as `text` that says something else."""
    return json.dumps(_other(json.loads(text)))


def _other(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            return {key: _other(held, key) for key, held in value.items()}
        case list():
            return [_other(held, name) for held in reversed(value)]
        case "A" | "B" if name == "choice":
            return "B" if value == "A" else "A"
        case str() if value and name not in _NAMES and not value.startswith("message "):
            return "something else"
    return value


_SPOILED: Mapping[Fault, Callable[[str], str]] = {
    Fault.INVALID_JSON: lambda text: text.removesuffix("}") + ",}",
    Fault.WRONG_SHAPE: lambda text: json.dumps({"answer": json.loads(text)}),
    Fault.EMPTY: lambda _: "",
    Fault.PROSE: lambda text: f"Sure, this is the answer:\n\n{text}\n\nI hope that it helps!",
    Fault.THINK: lambda text: f"<think>\nIs it {decoy(text)}?\nNo, it is not.\n</think>\n\n{text}",
    Fault.TRUNCATED: lambda text: text[: len(text) // 2],
}
OF_TRANSPORT = frozenset(Fault) - _SPOILED.keys()
"""Faults that any reply can have; the others need a text."""
NO_TOOL_CALL = frozenset({Fault.PROSE, Fault.THINK})
"""Faults after which a text can no longer be the arguments of a tool call."""


def spoiled(text: str, fault: Fault) -> str:
    """Return the JSON `text` with a fault of a text, or as it is with one of the transport."""
    return _SPOILED[fault](text) if fault in _SPOILED else text
