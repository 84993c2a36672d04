"""Leave-one-out: which part an event plays, and what may be known before it (DESIGN §8)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from state.dataset import Dataset, Event, Split
from state.errors import InputError

T = TypeVar("T")

_EVALUATED = (Split.VALID, Split.TEST)


class History(NamedTuple):
    """What is known before a split is predicted: what every method alike is fitted on."""

    train: list[Event]
    """First and training events, in data set order."""
    valid: list[Event]
    """Validation events, in data set order; none where they are to be predicted."""


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


def history(dataset: Dataset, split: Split) -> History:
    """Return what every method alike is fitted on before `split` is predicted.

    Raises `InputError` for a split that is not evaluated.
    """
    _check(split)
    before = (Split.FIRST, Split.TRAIN)
    return History(
        train=[event for event in dataset.events if event.split in before],
        valid=targets(dataset, Split.VALID) if split is Split.TEST else [],
    )


def seen_items(known: History) -> frozenset[str]:
    """Return the items of the events that are known: seen as history or positive.

    What a training run draws as negatives is seen too; the caller adds it.
    """
    return frozenset(event.item for event in chain(*known))


def _check(split: Split) -> None:
    if split not in _EVALUATED:
        raise InputError(f"only 'valid' and 'test' are evaluated, not '{split}'")
