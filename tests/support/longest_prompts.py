"""The longest request and reply of every prompt: all their texts and lists at their bounds.

They are made from the types of the fields; `_LENGTHS` bounds the texts and `list_lengths` the
lists, both by the name of the field.
"""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from nodes.assign_credit import shorten_modules
from nodes.attributes import ATTRIBUTES_READ
from nodes.optimize_router import GRADIENTS_READ, NEIGHBOURS_READ
from nodes.peer_messages import REACH, shorten_candidates
from nodes.rank_candidates import CANDIDATES
from prompts.fields import render_fields
from prompts.gradient import GradientFields
from prompts.llm.structured_output import schema_of
from prompts.llm.tokens import estimate_tokens
from prompts.peer_messages import ChooseRecipientsFields, WriteMessageFields
from prompts.registry import PROMPTS
from prompts.template import Fields, Prompt, Reply, Templates
from state.domain import (
    ATTRIBUTE_LENGTH,
    MESSAGE_LENGTH,
    PROFILE_LENGTH,
    REASON_LENGTH,
    RULE_LENGTH,
    RULES_HELD,
    SUGGESTION_LENGTH,
    TITLE_LENGTH,
)
from state.settings import NetworkSettings

_PHRASE = "progressive rock; singer-songwriters; "
_LENGTHS = {
    "user": PROFILE_LENGTH,
    "profile": PROFILE_LENGTH,
    "text": PROFILE_LENGTH,
    "rules": RULE_LENGTH,
    "rules.text": RULE_LENGTH,
    "router": MESSAGE_LENGTH,
    "message": MESSAGE_LENGTH,
    "profiles": MESSAGE_LENGTH,
    "neighbours.text": MESSAGE_LENGTH,
    "attributes": ATTRIBUTE_LENGTH,
    "title": TITLE_LENGTH,
    "reason": REASON_LENGTH,
    "suggestion": SUGGESTION_LENGTH,
    "effect": RULE_LENGTH + 40,
    "effects.reward": 4,
    "tightness": 4,
    "nearest": 4,
    "predicted": 1,
    "taken": 1,
    **dict.fromkeys(("name", "partner", "rule", "recipients", "filter_decisions.message"), 11),
    **dict.fromkeys(("modules.name", "module"), 25),
}
"""Characters of a text, by the name of its field, or by those of its list and its field.

A reply's own type cuts what is longer.
"""


def list_lengths(settings: NetworkSettings) -> dict[str, dict[str, int]]:
    """Return the most entries of each list, by the name of its prompt and of its field."""
    modules = 3 + 3 + 3 * settings.buffer_size
    nearest = {"candidates": settings.neighbours * REACH, "recipients": settings.neighbours}
    return {
        "extract": {"attributes": 24},
        "summarize": {"attributes": ATTRIBUTES_READ},
        "merge": {
            "rules": RULES_HELD,
            "messages": settings.buffer_size,
            "filter_decisions": settings.buffer_size,
        },
        "predict": {"options": 2},
        "gradient": {"options": 2, "modules": modules, "gradients": modules},
        "optimize_profile": {},
        "optimize_filter_memory": {"rules": RULES_HELD},
        "optimize_router": {
            "attributes": settings.router_attributes,
            "feedback": GRADIENTS_READ,
            "neighbours": NEIGHBOURS_READ,
            "effects": 1,
            "profiles": 2,
        },
        "rank": {"candidates": CANDIDATES, "ranking": CANDIDATES},
        "choose_recipients": nearest,
        "write_message": nearest,
        "address_clients": nearest,
    }


def longest_call(prompt: Prompt[Any, Any], settings: NetworkSettings) -> tuple[Fields, Reply]:
    """Return the longest fields of a prompt, as its node shows them, and its longest reply."""
    counts = list_lengths(settings)[prompt.name]
    fields = prompt.fields.model_validate(_fill(prompt.fields, "", counts))
    if isinstance(fields, GradientFields):
        fields = shorten_modules(fields)
    elif isinstance(fields, ChooseRecipientsFields | WriteMessageFields):
        fields = shorten_candidates(fields)
    return fields, prompt.reply.model_validate(_fill(prompt.reply, "", counts))


def longest_tokens(prompt: Prompt[Any, Any], settings: NetworkSettings) -> int:
    """Return about how many tokens the longest request of a prompt and its reply cost."""
    fields, reply = longest_call(prompt, settings)
    system = Templates(PROMPTS).messages(prompt, fields, {"domain": "items"})[0].text
    reply_type: type[Reply] = prompt.reply
    schema = json.dumps(schema_of(reply_type))
    texts = (system, schema, render_fields(fields), reply.model_dump_json())
    return estimate_tokens(*texts)


def _fill(kind: Any, path: str, counts: dict[str, int], number: int = 0) -> Any:  # noqa: ANN401
    """Return the longest value of a type; `path` names the list, if any, and the field."""
    origin, arguments = get_origin(kind), get_args(kind)
    name = path.rpartition(".")[2]
    if origin is Annotated:
        return _fill(arguments[0], path, counts, number)
    if origin in (list, tuple):
        return [_fill(arguments[0], path, counts, n) for n in range(counts[name])]
    if origin is Literal:
        return max(arguments, key=len)
    if issubclass(kind, BaseModel):
        return {
            field: _fill(info.annotation, f"{name}.{field}", counts, number)
            for field, info in kind.model_fields.items()
        }
    if issubclass(kind, str) and not issubclass(kind, StrEnum):
        return _text(_LENGTHS.get(path) or _LENGTHS[name], number)
    return max(kind, key=len) if issubclass(kind, StrEnum) else {int: 1_000_000, bool: False}[kind]


def _text(length: int, number: int) -> str:
    """Return `length` characters of noun phrases, another text for each number."""
    return f"{number} {_PHRASE * (length // len(_PHRASE) + 1)}"[:length].rstrip().ljust(length, "s")
