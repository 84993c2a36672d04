"""From the raw reply of a model to a validated one, or to one line that says what is wrong."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from langchain_core.messages import AIMessage
from pydantic import ValidationError

from prompts.template import Reply
from state.domain import REASON_LENGTH, Fault, clean_line

R = TypeVar("R", bound=Reply)

_ERRORS_NAMED = 5
_FAULTS = frozenset(get_args(Fault))
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_DECODER = json.JSONDecoder()
_STOPPED: Mapping[str, tuple[Fault, str]] = {
    "length": ("truncated", "it was cut off at the token limit"),
    "content_filter": ("filtered", "the endpoint's content filter cut it"),
}


class UnfitError(ValueError):
    """What a prompt's own check raises, where it can name what kind of fault a reply has."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


class UnusableError(ValueError):
    """A reply that cannot be used: what the model wrote, and one bounded line on what is wrong."""

    def __init__(self, text: str, fault: Fault, reason: str) -> None:
        super().__init__(text, fault, reason)
        self.text = text
        self.fault = fault
        self.reason = clean_line(reason, REASON_LENGTH)


@dataclass(frozen=True, slots=True)
class Raw:
    """What a model sent, taken apart: its thoughts, its answer, and how it came to stop."""

    thoughts: str
    text: str
    finish: str
    refusal: str = ""


def take_apart(message: AIMessage) -> Raw:
    """Return the parts of a message: the arguments of its function call, or its text."""
    thoughts, text = split_thoughts(message.text)
    thoughts = "\n".join(filter(None, [_reasoning(message), thoughts]))
    for call in message.tool_calls[:1]:
        text = json.dumps(call["args"], ensure_ascii=False)
    for broken in message.invalid_tool_calls[:1]:
        text = broken["args"] or ""
    finish = str(message.response_metadata.get("finish_reason") or "")
    return Raw(thoughts, text, finish, str(message.additional_kwargs.get("refusal") or ""))


def read_reply(raw: Raw, reply: type[R], check: Callable[[R], None] | None) -> tuple[R, str]:
    """Return the reply that a model sent, and the JSON it was read from.

    Raises:
        UnusableError: a refusal, no JSON, another shape, or a `check` that raised ValueError.
    """
    if raw.refusal:
        raise UnusableError(raw.refusal, "refused", f"the model refused: {raw.refusal}")
    text = answer_in(raw.text)
    try:
        if not text:
            raise UnfitError("empty", "the reply is empty")
        if raw.finish == "length" and "{" in raw.text.rpartition(text)[2]:
            raise UnfitError("truncated", "what was cut off is not the object before it")
        read = reply.model_validate_json(_unescaped(_without_lone_surrogates(text)))
        if check is not None:
            check(read)
    except ValueError as error:
        fault, reason = _STOPPED.get(raw.finish) or _what_is_wrong(error)
        raise UnusableError(raw.text, fault, reason) from error
    return read, text


def split_thoughts(text: str) -> tuple[str, str]:
    """Return a reasoning model's thoughts, and what it wrote after them.

    Thoughts are cut only in front of the answer, so that a profile may quote the tag. Where the
    server's own template opened the block, only `</think>` is there; where the model was stopped
    while it thought, nothing is left.
    """
    thoughts = []
    text = text.strip()
    while "</think>" in text and not text.startswith(("{", "```")):
        thought, _, text = text.partition("</think>")
        thoughts.append(thought.replace("<think>", "").strip())
        text = text.strip()
    before, opened, thought = text.partition("<think>")
    if opened and "{" not in before:
        thoughts.append(f"{before}{thought}".strip())
        text = ""
    return "\n".join(thoughts), text


def answer_in(text: str) -> str:
    """Return the one JSON object in `text`, without prose or a code fence around it.

    Where there is none, or more than one, the text comes back as it is: which one was meant is for
    the model to say.
    """
    text = text.strip()
    found = []
    at = text.find("{")
    while at >= 0:
        try:
            _, end = _DECODER.raw_decode(text, at)
            found.append(text[at:end])
        except (ValueError, RecursionError):
            if at == 0:  # an object that is broken; what is whole inside it is not the answer
                return text
            end = at + 1
        at = text.find("{", end)
    return found[0] if len(set(found)) == 1 else text


def _reasoning(message: AIMessage) -> str:
    """Return the thoughts that an endpoint sent apart from the text."""
    return str(message.additional_kwargs.get("reasoning_content") or "").strip()


def _unescaped(text: str) -> str:
    """Undo the escapes of rendered fields where a model copied them."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _without_lone_surrogates(text: str) -> str:
    """Half of a character, raw or escaped, is what a model leaves where it cut one in two."""

    def whole(match: re.Match[str]) -> str:
        return r"\ufffd" if match["lone"] else match[0]

    return _SURROGATE.sub(whole, text.encode("utf-8", "replace").decode("utf-8"))


def _what_is_wrong(error: ValueError) -> tuple[Fault, str]:
    if not isinstance(error, ValidationError):
        return (error.fault if isinstance(error, UnfitError) else "unfit"), str(error)
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = (f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg']}" for e in found)
    return _fault(found), "; ".join(list(lines)[:_ERRORS_NAMED])


def _fault(errors: Any) -> Fault:  # noqa: ANN401 - pydantic's own list
    """Return the fault that a validator named by the type of its error, or what the shape says."""
    for error in errors:
        if error["type"] in _FAULTS:
            named: Fault = error["type"]
            return named
    return "invalid_json" if errors[0]["type"] == "json_invalid" else "wrong_shape"
