"""A data set: a catalogue, and who took what, in order."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, TypeAdapter

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


@dataclass(frozen=True, slots=True)
class Event:
    """One real interaction of a data set; a `Dataset` cleans the keys."""

    user: str
    item: str
    split: Split


_KEY: TypeAdapter[str] = TypeAdapter(Key)


def _with_clean_keys(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """Return events whose keys are clean; each distinct key is looked at once."""
    raw = {event.user for event in events} | {event.item for event in events}
    clean = {key: _KEY.validate_python(key) for key in raw}
    if all(key == kept for key, kept in clean.items()):
        return events
    return tuple(Event(clean[e.user], clean[e.item], e.split) for e in events)


class Dataset(Frozen):
    """A catalogue and its events in the order in which they are fed."""

    name: Annotated[Key, AfterValidator(partial(clean_line, limit=NAME_LENGTH))]
    """Short enough to leave room for a position in the identity of a record."""
    domain: Key
    """What the items are called, in the plural: `CDs`, `films`."""
    items: tuple[Item, ...]
    events: Annotated[tuple[Event, ...], AfterValidator(_with_clean_keys)]
