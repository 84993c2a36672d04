"""Textual gradients as the offline model writes and reads them: plain sentences with lists.

    Add to what this person enjoys: folk rock; piano. Drop from what this person hears of: techno.

A sentence is an order to do one thing with the phrases after its colon. Sentences that a person or
another model wrote are read by their verb; a sentence without a known verb asks for nothing.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from prompts.offline.phrases import distinct, listed_phrases, salient_phrases


class Order(StrEnum):
    """What a sentence of a suggestion asks for, in the words in which it is written."""

    ADD = "Add to what this person enjoys"
    AVOID = "Move to what this person avoids"
    DROP = "Drop from what this person hears of"
    KEEP = "Keep"
    SAY = "Say that it is taken by people who like"
    STOP = "Stop saying here"
    GO_ON = "Go on saying here"
    BLOCK = "Keep out messages about"
    ADMIT = "Let in messages about"


_VERBS = (
    (Order.BLOCK, r"keep(?:ing)? out|block|filter out|reject|do not (?:let|take) in"),
    (Order.ADMIT, r"let in|take in|allow|admit"),
    (Order.STOP, r"stop"),
    (Order.GO_ON, r"go on saying"),
    (Order.AVOID, r"move [^:]* avoids?|avoid"),
    (Order.DROP, r"drop|remove|forget|delete"),
    (Order.SAY, r"say|mention"),
    (Order.ADD, r"add|include|take up|learn"),
    (Order.KEEP, r"keep|confirm"),
)
_SENTENCE = re.compile(
    r"\s*(?:please\s+)?(?:"
    + "|".join(f"(?P<{order.name}>{verb})" for order, verb in _VERBS)
    + r")\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n")


def order(what: Order, phrases: Iterable[str], *, limit: int = 5) -> str:
    """Return one sentence that asks for `what`; empty where there is nothing to ask it of."""
    named = "; ".join(list(phrases)[:limit])
    return f"{what}: {named}." if named else ""


def suggestion(*sentences: str) -> str:
    """Return the sentences as one suggestion."""
    return " ".join(sentence for sentence in sentences if sentence)


def read_orders(text: str) -> dict[Order, tuple[str, ...]]:
    """Return the phrases that a suggestion names for each thing it asks for."""
    found: dict[Order, tuple[str, ...]] = {}
    for sentence in _END.split(text):
        if (read := _SENTENCE.match(sentence)) is None:
            continue
        what = next(o for o, _ in _VERBS if read.group(o.name) is not None)
        _, colon, listed = read.group("rest").partition(":")
        phrases = listed_phrases(listed) if colon else salient_phrases(read.group("rest"))
        found[what] = distinct([*found.get(what, ()), *phrases])
    return found
