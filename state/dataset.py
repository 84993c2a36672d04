"""A data set: a catalogue, and who took what, in order."""

from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import AfterValidator

from state.domain import NAME_LENGTH, Frozen, Key, TitleText, clean_line


class Split(StrEnum):
    """The part an event plays in leave-one-out."""

    FIRST = "first"
    """A user's first event: it makes the first profile and is never a training record."""
    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


class Item(Frozen):
    """One entry of a catalogue."""

    key: Key
    title: TitleText
    category: TitleText = ""


class Event(Frozen):
    """One real interaction of a data set."""

    user: Key
    item: Key
    split: Split


class Dataset(Frozen):
    """A catalogue and its events in the order in which they are fed."""

    name: Annotated[Key, AfterValidator(partial(clean_line, limit=NAME_LENGTH))]
    """Short enough to leave room for a position in the identity of a record."""
    domain: Key
    """What the items are called, in the plural: `CDs`, `films`."""
    items: tuple[Item, ...]
    events: tuple[Event, ...]
