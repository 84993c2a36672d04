"""Leave-one-out: which part an event plays, and what may be known before it (DESIGN §8)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from state.dataset import Dataset, Event, Split
from state.errors import InputError

T = TypeVar("T")

_KNOWN_BEFORE = {
    Split.VALID: (Split.FIRST, Split.TRAIN),
    Split.TEST: (Split.FIRST, Split.TRAIN, Split.VALID),
}


def leave_one_out(count: int) -> list[Split]:
    """Return the parts that a user's `count` events play, in the order in which they happened.

    The first makes the profile, the last is the test, the one before the last the validation; a
    lone event is only the first, and of two the second is the test.
    """
    tail = [Split.VALID, Split.TEST] if count > 2 else [Split.TEST]
    middle = [Split.TRAIN] * (count - 3)
    return [Split.FIRST, *middle, *tail][:count]


def round_robin(sequences: Iterable[Sequence[T]]) -> Iterator[T]:
    """Yield the first element of each sequence, then each second one, and so on."""
    waiting = [iter(sequence) for sequence in sequences]
    while waiting:
        still = []
        for sequence in waiting:
            for element in sequence:
                yield element
                still.append(sequence)
                break
        waiting = still


def targets(dataset: Dataset, split: Split) -> list[Event]:
    """Return the events to be predicted in `split`, one a user at most."""
    _check(split)
    return [event for event in dataset.events if event.split is split]


def history(dataset: Dataset, split: Split) -> list[Event]:
    """Return what every method alike is fitted on before `split` is predicted, in data set order.

    First and training events for the validation, validation events as well for the test.
    Raises `InputError` for a split that is not evaluated.
    """
    _check(split)
    return [event for event in dataset.events if event.split in _KNOWN_BEFORE[split]]


def seen_items(events: Iterable[Event]) -> frozenset[str]:
    """Return the items of `events`: seen as history or positive.

    What a training run draws as negatives is seen too; the caller adds it.
    """
    return frozenset(event.item for event in events)


def _check(split: Split) -> None:
    if split not in _KNOWN_BEFORE:
        raise InputError(f"only 'valid' and 'test' are evaluated, not '{split}'")
