"""Who took a router's message in and who kept it out, by the words of a part's `effect`. Lexical.

Read are clauses such as `taken in by user; kept out of item B by the rule: …`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

USER = "user"

_CLAUSE = re.compile(
    r"\b(?:(?P<took>taken in by)|kept out (?:by rule \d+ )?of)"
    r" (?:(?P<user>user)|item (?P<item>\w+))\b"
)


@dataclass(frozen=True, slots=True)
class Effect:
    """The owners that took a message in, and those that kept it out."""

    took: frozenset[str]
    kept_out: frozenset[str]


def read_effect(text: str) -> Effect:
    """Return who took the message in and who kept it out: the user, or an option by its name."""
    told = [
        (clause.group("took") is not None, USER if clause.group("user") else clause.group("item"))
        for clause in _CLAUSE.finditer(text)
    ]
    return Effect(
        took=frozenset(owner for taken, owner in told if taken),
        kept_out=frozenset(owner for taken, owner in told if not taken),
    )


def owner_of(name: str, options: Iterable[str]) -> str | None:
    """Return whose module `name` names: the user, an option by its name, or nobody."""
    last = name.split()[-1:]
    if USER in name.split():
        return USER
    return next((option for option in options if last == [option]), None)
