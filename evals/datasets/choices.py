"""Which events are taken: thresholds, repeated pairs, k-core, samples (§3.1.1)."""

from collections.abc import Callable, Collection, Iterable

import numpy as np

from evals.datasets.events import Events
from evals.datasets.reader import DataError, Keep, ReadOptions, quoted
from state.errors import InputError
from state.randomness import draw

Step = tuple[str, Callable[[Events], Events]]
"""What the events are that a step drops, and the step."""


def apply_steps(events: Events, steps: Iterable[Step]) -> tuple[Events, list[str]]:
    """Return the events that all steps leave, and a phrase about each step that dropped some.

    Raises `DataError` where none is left.
    """
    dropped = []
    for what, step in steps:
        left = step(events)
        if len(left) < len(events):
            dropped.append(f"{len(events) - len(left):,} {what}")
        events = left
    if not len(events):
        raise DataError(f"{events.file}: no event is left; dropped were {', '.join(dropped)}")
    return events, dropped


def rating_steps(options: ReadOptions) -> list[Step]:
    """Return the step that drops events below the threshold, if there is one."""
    least = options.min_rating
    if least is None:
        return []
    return [(f"rated below {least:g} or not at all", lambda e: e.take(e.rating >= least))]


def later_steps(options: ReadOptions, known: Collection[str]) -> list[Step]:
    """Return the steps that need the catalogue, whose keys are `known`, in order."""
    steps: list[Step] = [
        ("of items that are not in the catalogue", lambda e: _of_known(e, options, known)),
        (f"of repeated pairs (the {options.keep} is kept)", lambda e: _distinct(e, options.keep)),
    ]
    if (k := options.k_core) is not None:
        steps.append((f"outside the {k}-core", lambda e: _core(e, k)))
    if (least := options.events_per_user) is not None:
        steps.append((f"of users with fewer than {least}", lambda e: _of_active(e, least)))
    if (users := options.sample_users) is not None:
        steps.append(("of users outside the sample", lambda e: _sample(e, users, options.seed)))
    if least is not None:
        steps.append((f"before each user's last {least}", lambda e: _last(e, least)))
    return steps


def _of_known(events: Events, options: ReadOptions, known: Collection[str]) -> Events:
    names = [at for at, key in enumerate(events.items) if key not in known]
    unknown = np.isin(events.item, names)
    if not unknown.any():
        return events
    if not options.skip_unknown:
        at = int(np.argmax(unknown))
        raise DataError(
            f"{events.where(at)}: item {quoted(events.items[events.item[at]])} is not in the "
            f"catalogue, as {unknown.sum():,} of {len(events):,} events; "
            "--skip-unknown leaves such events out"
        )
    return events.take(~unknown)


def _distinct(events: Events, keep: Keep | None) -> Events:
    """Return the events without those that repeat a pair of user and item."""
    pair = events.user.astype(np.int64) * len(events.items) + events.item
    order = np.argsort(pair, kind="stable")
    same = np.flatnonzero(pair[order[1:]] == pair[order[:-1]])
    if not len(same):
        return events
    if keep is None:
        at = int(order[same + 1].min())
        first = int(np.argmax(pair == pair[at]))
        raise DataError(
            f"{events.where(at)}: user {quoted(events.users[events.user[at]])} already has item "
            f"{quoted(events.items[events.item[at]])} ({events.where(first)}); {len(same):,} of "
            f"{len(events):,} events repeat a pair of user and item: "
            "--keep first or --keep last leaves one of each"
        )
    left = np.ones(len(events), bool)
    left[order[same + 1 if keep is Keep.FIRST else same]] = False
    return events.take(left)


def _core(events: Events, k: int) -> Events:
    """Return the events of users and items that have at least `k` of these events."""
    while len(events):
        few = np.bincount(events.user)[events.user] < k
        few |= np.bincount(events.item)[events.item] < k
        if not few.any():
            break
        events = events.take(~few)
    return events


def _of_active(events: Events, least: int) -> Events:
    return events.take(np.bincount(events.user)[events.user] >= least)


def _sample(events: Events, users: int, seed: int) -> Events:
    """Return the events of so many users; the draw depends on their keys alone."""
    known = sorted(np.unique(events.user).tolist(), key=lambda user: events.users[user])
    if len(known) < users:
        raise InputError(f"--sample-users {users}: only {len(known):,} users can be drawn")
    return events.take(np.isin(events.user, draw(seed, "sample of users").sample(known, users)))


def _last(events: Events, count: int) -> Events:
    """Return each user's last `count` events."""
    order, turn, lengths = by_user(events)
    left = np.zeros(len(events), bool)
    left[order[turn >= np.repeat(lengths, lengths) - count]] = True
    return events.take(left)


def by_user(events: Events) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places of events grouped by user, each one's turn within its user, and lengths."""
    order = np.argsort(events.user, kind="stable")
    lengths = np.bincount(events.user, minlength=len(events.users))
    starts = np.cumsum(lengths) - lengths
    return order, np.arange(len(order)) - np.repeat(starts, lengths), lengths
