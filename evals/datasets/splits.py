"""Which part an event plays, and what may be known before it (DESIGN §8)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from state.dataset import Dataset, Event, Split
from state.errors import InputError

T = TypeVar("T")

LATER = 0.2
"""The share of all events that a split at one moment keeps for later."""
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


def split_in_time(
    times: Mapping[str, Sequence[float]], later: float = LATER
) -> dict[str, list[Split | None]]:
    """Return the parts that users' events play when all of them are split at one moment.

    Leave-one-out lets what others did late reach a prediction of what a user did early; this does
    not. From the moment on there is at least a share `later` of all events: of each user the first
    is the test, the others play no part (None). Of those before, the first makes the profile and
    the last is the validation, a lone one only the first. A user with none before plays no part.

    `times` holds each user's times in order, and at least one in all.
    """
    every = sorted(time for own in times.values() for time in own)
    moment = every[int(len(every) * (1 - later))]
    parts: dict[str, list[Split | None]] = {}
    for user, own in times.items():
        before = sum(time < moment for time in own)
        known = leave_one_out(before + 1)[:before]  # as if a test followed, which it need not
        test = Split.TEST if before else None
        parts[user] = [*known, test, *[None] * (len(own) - before)][: len(own)]
    return parts


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
