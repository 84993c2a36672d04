"""Prompt inputs as tagged, escaped text, outside the template that a person edits.

Texts of clients, items and models are untrusted. They reach a prompt only inside these tags, with
markup escaped, so that no text can close its own field and speak as the template.
"""

from collections.abc import Iterable
from typing import TypeVar, get_origin
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from pydantic import BaseModel

ENTRY = "entry"
ROOT = "fields"

F = TypeVar("F", bound=BaseModel)
FieldValue = str | list["FieldValue"] | dict[str, "FieldValue"]
"""The value of a field that was read back: a text, a list of entries, or named parts."""


def render_fields(fields: BaseModel) -> str:
    """Return the fields of a prompt as tagged, escaped text."""
    return "\n".join(_tag(ROOT, _lines(fields)))


def read_fields(text: str, fields: type[F]) -> F:
    """Return the fields that `render_fields` rendered; the offline model uses it.

    Raises:
        ValueError: the text holds no rendered fields, or not those of `fields`.
    """
    start, end = text.find(f"<{ROOT}>"), text.rfind(f"</{ROOT}>")
    if start < 0 or end < 0:
        raise ValueError("the message holds no prompt fields")
    root = ET.fromstring(text[start : end + len(ROOT) + 3])  # noqa: S314 - our own escaped rendering
    held = {child.tag: _read(child) for child in root}
    for name, field in fields.model_fields.items():
        if held.get(name) == "" and get_origin(field.annotation) is tuple:
            held[name] = []
    return fields.model_validate(held)


def _lines(value: object) -> Iterable[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _tag(name, _lines(getattr(value, name)))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _tag(ENTRY, _lines(entry))
    else:
        yield escape(str(value))


def _tag(name: str, lines: Iterable[str]) -> list[str]:
    inner = list(lines)
    if len(inner) == 1 and not inner[0].startswith("<"):
        return [f"<{name}>{inner[0]}</{name}>"]
    return [f"<{name}>", *inner, f"</{name}>"]


def _read(node: ET.Element) -> FieldValue:
    children = list(node)
    if not children:
        return (node.text or "").strip()
    if all(child.tag == ENTRY for child in children):
        return [_read(child) for child in children]
    return {child.tag: _read(child) for child in children}
