"""From a model's message to a validated reply, or to one line that says what is wrong."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, get_args
from xml.sax.saxutils import unescape

from langchain_core.messages import AIMessage
from pydantic import ValidationError

from prompts.template import Reply
from state.domain import REASON_LENGTH, Fault, clean_line

R = TypeVar("R", bound=Reply)

_ERRORS_NAMED = 5
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_DECODER = json.JSONDecoder()
_STOPPED: Mapping[str, tuple[Fault, str]] = {
    "length": ("truncated", "it was cut off at the token limit"),
    "content_filter": ("filtered", "the endpoint's content filter cut it"),
}
_CUT = {
    "LengthFinishReasonError": "length",
    "ContentFilterFinishReasonError": "content_filter",
}
"""What the openai library raises in place of a reply that is not whole, by the finish reason."""


class UnfitError(ValueError):
    """Raised by a prompt's own check that can name the fault of a reply."""

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
    """A model's message in parts: its thoughts, its answer, why it stopped, and its tokens."""

    thoughts: str
    text: str
    finish: str
    refusal: str = ""
    tokens: tuple[int, int] = (0, 0)
    """Input and output, as far as the endpoint counts them."""


def read_message(message: AIMessage) -> Raw:
    """Return the parts of a message: the arguments of its function call, or its text."""
    thoughts, text = split_thoughts(message.text)
    for call in message.tool_calls[:1]:
        text = json.dumps(call["args"], ensure_ascii=False)
    for broken in message.invalid_tool_calls[:1]:
        text = broken["args"] or ""
    finish = str(message.response_metadata.get("finish_reason") or "")
    refusal = str(message.additional_kwargs.get("refusal") or "")
    used = message.usage_metadata
    tokens = (used["input_tokens"], used["output_tokens"]) if used else (0, 0)
    return Raw(thoughts, text, finish, refusal, tokens)


def read_cut(error: Exception) -> Raw | None:
    """Return what there is of a reply that the openai library refused to parse, as it was cut."""
    if (finish := _CUT.get(type(error).__name__)) is None:
        return None
    completion = getattr(error, "completion", None)
    if completion is None:
        return Raw("", "", finish)
    used = completion.usage
    tokens = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
    said = split_thoughts(completion.choices[0].message.content or "")
    return Raw(*said, finish, tokens=tokens)


def parse_reply(raw: Raw, reply: type[R], check: Callable[[R], None] | None) -> tuple[R, str]:
    """Return the reply that a model sent, and the JSON it was parsed from.

    Raises:
        UnusableError: a refusal, no JSON, another shape, or a `check` that raised ValueError.
    """
    if raw.refusal:
        raise UnusableError(raw.refusal, "refused", f"the model refused: {raw.refusal}")
    text = find_object(raw.text)
    try:
        if not text:
            raise UnfitError("empty", "the reply is empty")
        if raw.finish == "length" and "{" in raw.text.rpartition(text)[2]:
            raise UnfitError("truncated", "what was cut off is not the object before it")
        # A model may have copied the escapes of rendered fields.
        parsed = reply.model_validate_json(unescape(_replace_lone_surrogates(text)))
        if check is not None:
            check(parsed)
    except ValueError as error:
        fault, reason = _STOPPED.get(raw.finish) or _fault_of(error)
        raise UnusableError(raw.text, fault, reason) from error
    return parsed, text


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


def find_object(text: str) -> str:
    """Return the one JSON object in `text`, without prose or a code fence around it.

    Where there is none, or more than one, the text comes back as it is: which one was meant is for
    the model to say.
    """
    text = text.strip()
    found = set()
    at = text.find("{")
    while at >= 0:
        try:
            _, end = _DECODER.raw_decode(text, at)
            found.add(text[at:end])
        except (ValueError, RecursionError):
            if at == 0:  # a broken object; a whole one inside it is not the answer
                return text
            end = at + 1
        at = text.find("{", end)
    return found.pop() if len(found) == 1 else text


def _replace_lone_surrogates(text: str) -> str:
    """Replace halves of characters, raw or escaped, which models leave where they cut one."""

    def whole(match: re.Match[str]) -> str:
        return r"\ufffd" if match["lone"] else match[0]

    return _SURROGATE.sub(whole, text.encode("utf-8", "replace").decode("utf-8"))


def _fault_of(error: ValueError) -> tuple[Fault, str]:
    """Return the fault and the reason; a validator names the fault by the type of its error."""
    if not isinstance(error, ValidationError):
        return (error.fault if isinstance(error, UnfitError) else "unfit"), str(error)
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg'].removeprefix('Value error, ')}"
        for e in found
    ]
    types = [e["type"] for e in found]
    named: list[Fault] = [fault for fault in get_args(Fault) if fault in types]
    shape: Fault = "invalid_json" if types[0] == "json_invalid" else "wrong_shape"
    return (named[0] if named else shape), "; ".join(lines[:_ERRORS_NAMED])
