"""Which events are learned from, which are held out, and what may be known before each."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from state.dataset import Dataset, Event, Split
from state.errors import InputError

LATER = 0.2
"""The share of all events that a split in time holds out."""


class SplitStrategy(StrEnum):
    """How events are split into what is learned from and what is held out."""

    LEAVE_ONE_OUT = "leave-one-out"
    """Each user's last event is the test (§3.1.3 of the paper)."""
    TIME = "time"
    """At one moment for all users (`split_in_time`)."""


class History(NamedTuple):
    """What is known before a split is predicted: every ranker is fitted on the same."""

    train: list[Event]
    """First and training events, in data set order."""
    valid: list[Event]
    """Validation events, in data set order; none where they are to be predicted."""


def leave_one_out(count: int) -> list[Split]:
    """Return the splits of a user's `count` events, in the order in which they happened.

    The first makes the profile, the last is the test, the one before it the validation. A single
    event is the first; of two the second is the test.
    """
    tail = [Split.VALID, Split.TEST] if count > 2 else [Split.TEST]
    middle = [Split.TRAIN] * (count - 3)
    return [Split.FIRST, *middle, *tail][:count]


def split_in_time(
    times: Sequence[Sequence[float]], later: float = LATER
) -> list[list[Split | None]]:
    """Return the splits of users' events when all are split at one moment; None: left out.

    With leave-one-out, late events of some users are learned from before early events of others are
    predicted; here they are not. At least a share `later` of all events is at or after the moment:
    of each user the first of these is the test, the others are left out. Of those before, the first
    makes the profile and the last is the validation; a single one is the first. Users without an
    event before the moment are left out.

    `times` holds each user's times in order, and at least one time in all.
    """
    every = sorted(chain.from_iterable(times))
    moment = every[int(len(every) * (1 - later))]
    parts: list[list[Split | None]] = []
    for own in times:
        before = sum(time < moment for time in own)
        known = leave_one_out(before + 1)[:before]  # as if a test followed; there may be none
        test = Split.TEST if before else None
        parts.append([*known, test, *[None] * (len(own) - before)][: len(own)])
    return parts


def targets(dataset: Dataset, split: Split) -> list[Event]:
    """Return the events to be predicted in `split`, at most one for each user.

    Raises `InputError` for a split that is not evaluated.
    """
    _require_evaluated(split)
    return [event for event in dataset.events if event.split is split]


def history(dataset: Dataset, split: Split) -> History:
    """Return what every ranker is fitted on before `split` is predicted.

    Raises `InputError` for a split that is not evaluated.
    """
    _require_evaluated(split)
    before = (Split.FIRST, Split.TRAIN)
    return History(
        train=[event for event in dataset.events if event.split in before],
        valid=targets(dataset, Split.VALID) if split is Split.TEST else [],
    )


def seen_items(known: History) -> frozenset[str]:
    """Return the items of the known events.

    Items that training draws as negatives count as seen too; the caller adds them.
    """
    return frozenset(event.item for event in chain(*known))


def _require_evaluated(split: Split) -> None:
    if split not in (Split.VALID, Split.TEST):
        raise InputError(f"only 'valid' and 'test' are evaluated, not '{split}'")
