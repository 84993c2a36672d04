"""Textual gradients as the offline model writes and reads them: plain sentences with lists.

    Add to what this person enjoys: folk rock; piano. Drop from what this person hears of: techno.

A sentence is an order to do one thing with the phrases after its first words. One that begins with
other words asks for nothing. The rules of a filter memory are such sentences too.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum

from prompts.offline.phrases import distinct, listed_phrases


class Order(StrEnum):
    """What a sentence of a suggestion asks for, in the words in which it is written."""

    ADD = "Add to what this person enjoys"
    DROP = "Drop from what this person hears of"
    KEEP = "Keep"
    SAY = "Say that it is taken by people who like"
    STOP = "Stop saying here"
    GO_ON = "Go on saying here"
    BLOCK = "Keep out messages about"
    ADMIT = "Let in messages about"


_SENTENCE = re.compile(rf"({'|'.join(sorted(Order, key=len, reverse=True))})\b(.*)", re.DOTALL)
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n")


def order(what: Order, phrases: Iterable[str], *, limit: int = 5) -> str:
    """Return one sentence that asks for `what`; empty where there is nothing to ask it of."""
    named = "; ".join(list(phrases)[:limit])
    return f"{what}: {named}." if named else ""


def suggestion(*sentences: str) -> str:
    """Return the sentences as one suggestion."""
    return " ".join(sentence for sentence in sentences if sentence)


def read_orders(text: str) -> defaultdict[Order, tuple[str, ...]]:
    """Return the phrases that a suggestion names for each thing it asks for."""
    found: defaultdict[Order, tuple[str, ...]] = defaultdict(tuple)
    for sentence in _END.split(text):
        if read := _SENTENCE.match(sentence.strip()):
            what = Order(read[1])
            found[what] = distinct([*found[what], *listed_phrases(read[2].lstrip(": "))])
    return found
