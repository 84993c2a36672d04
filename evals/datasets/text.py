"""Titles and categories as plain text: what data files hold of HTML, scripts and lists is removed.

Every reader's titles and categories pass through `plain_text` and `plain_list`, so markup never
becomes part of a profile or of an attribute.
"""

import ast
import html
import math
import re

_READ = 4_000
"""Characters of a text that are looked at; files have titles of a megabyte."""
_ROUNDS = 3
"""Times that entities are decoded: `&amp;lt;b&amp;gt;` is a tag that was escaped twice."""
_DROPPED = re.compile(
    r"<(script|style)\b[^>]*(?:>.*?(?:</\1\s*>|\Z)|\Z)|<!--.*?(?:-->|\Z)|<!doctype[^>]*(?:>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL | re.IGNORECASE)
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|big|cite|code|em|font|i|img|ins|kbd|mark|q|s|small|span|strike|strong|sub"
    r"|sup|tt|u|var)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_OTHER_TAG = re.compile(
    r"</?(?:blockquote|body|br|button|center|del|dd|div|dl|dt|h[1-6]|head|hr|html|iframe|input|li"
    r"|link|meta|noscript|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul)(?:[\s/][^<>]*)?>"
    r"|</?[a-z][\w:-]*\s[^<>]*=[^<>]*(?:>|\Z)"
    r"|</?(?:a|div|font|img|span|strong)(?:\s[^<>]*)?\Z",  # a title that was cut off within a tag
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"(?:\bvar \w+ ?=|\bfunction ?\w*\([^)]*\) ?\{|\(?new Date\(\)).*", re.DOTALL)
"""Amazon's metadata of 2018 hold a script without its tags in place of some titles."""
_NO_CATEGORY = frozenset({"(no genres listed)", "nan", "none", "null", "\\n", "n/a"})
"""What files write where a category is missing."""


def plain_text(value: object) -> str:
    """Return a title as one line of text without markup; empty where there is none."""
    return "" if is_missing(value) else _without_markup(str(value))


def plain_list(value: object) -> str:
    """Return a category as `plain_text` does; the entries of a list are separated by `; `.

    A list may be nested, may be written as text, or its entries may be separated by `|`. An entry
    that is an object counts by its `name`.
    """
    parts = (part.strip() for text in _texts(value) for part in _without_markup(text).split("|"))
    return "; ".join(
        dict.fromkeys(part for part in parts if part and part.lower() not in _NO_CATEGORY)
    )


def is_missing(value: object) -> bool:
    """Return whether a cell holds no value: null, NaN or nothing but white space."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def _texts(value: object) -> list[str]:
    """Return the texts in a cell, whatever lists they are in."""
    if is_missing(value):
        return []
    if isinstance(value, list | tuple):
        return [text for entry in value for text in _texts(entry)]
    if isinstance(value, dict):
        return _texts(value.get("name"))
    text = str(value)[:_READ].strip()
    if text[0] == "[" and text[-1] == "]":
        try:
            return _texts(ast.literal_eval(text))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass
    return [text]


def _without_markup(text: str) -> str:
    text = text[:_READ]
    for _ in range(_ROUNDS):
        before = text
        if "<" in text:
            text = _CDATA.sub(r"\1", _DROPPED.sub(" ", text))
            text = _OTHER_TAG.sub(" ", _INLINE_TAG.sub("", text))
        text = html.unescape(text)
        if text == before:
            break
    return " ".join(_SCRIPT.sub("", text).split())
