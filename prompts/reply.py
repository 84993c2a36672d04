"""From the raw text of a model to a validated reply, or to one line that says what is wrong."""

import re
from collections.abc import Callable
from typing import TypeVar

from langchain_core.messages import BaseMessage
from pydantic import ValidationError

from prompts.template import Reply
from state.domain import REASON_LENGTH, clean_line

R = TypeVar("R", bound=Reply)

_ERRORS_NAMED = 5
_FENCED = re.compile(r"```\w*\s*(\{.*\})\s*```", re.DOTALL)
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class UnusableError(ValueError):
    """A reply that cannot be used: what the model wrote, and one bounded line on what is wrong."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = clean_line(reason, REASON_LENGTH)


def read_reply(message: BaseMessage, reply: type[R], check: Callable[[R], None] | None) -> R:
    """Return the reply that `message` holds.

    Raises:
        UnusableError: a refusal, no JSON, another shape, or a `check` that raised ValueError.
    """
    if refusal := message.additional_kwargs.get("refusal"):
        raise UnusableError(str(refusal), f"the model refused: {refusal}")
    text = answer_in(message.text)
    if not text:
        raise UnusableError(text, "the reply is empty")
    try:
        read = reply.model_validate_json(_without_lone_surrogates(text))
        if check is not None:
            check(read)
    except ValueError as error:
        raise UnusableError(text, _reason(error)) from error
    return read


def answer_in(text: str) -> str:
    """Return `text` without a reasoning model's thoughts and without a markdown code fence.

    Thoughts are cut only in front of the answer, so that a profile may quote the tag. Where the
    server's own template opened the block, only `</think>` is there; where the model was stopped
    while it thought, nothing is left.
    """
    text = text.strip()
    while "</think>" in text and not text.startswith(("{", "```")):
        text = text.partition("</think>")[2].strip()
    if text.startswith("<think>"):
        return ""
    fenced = None if text.startswith("{") else _FENCED.search(text)
    return fenced[1] if fenced else text


def _without_lone_surrogates(text: str) -> str:
    """Half of a character, raw or escaped, is what a model leaves where it cut one in two."""

    def whole(match: re.Match[str]) -> str:
        return r"\ufffd" if match["lone"] else match[0]

    return _SURROGATE.sub(whole, text.encode("utf-8", "replace").decode("utf-8"))


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = (f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg']}" for e in found)
    return "; ".join(list(lines)[:_ERRORS_NAMED])
