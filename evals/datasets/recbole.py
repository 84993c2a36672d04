"""A data set from RecBole's atomic files.

Two forms are read. Plain: `X.inter` with one event a line. Split: `X.train.inter`, `X.valid.inter`
and `X.test.inter` with a user's history and the item that followed (AgentCF's samples). The
catalogue is `X.item` in both. Everything else in the files is ignored: totals, reviews and
also-bought lists are from after the event (DESIGN §8).
"""

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evals.datasets.atomic import Column, DataError, Row, read_atomic, shown
from evals.datasets.splits import leave_one_out, round_robin, split_in_time
from state.dataset import Dataset, Event, Item, Split

SAMPLE = Path(__file__).parent / "sample"
"""The planted sample that is shipped: a seaside town's library (`domain="books"`)."""

_TEXT_READ = 4_000
_TEXT = ("token_seq", "token")
_USER = Column("user_id", ("token",))
_ITEM = Column("item_id", ("token",))
_TITLE = Column("title", _TEXT, aliases=("movie_title", "name"))
_CATEGORY = Column("category", _TEXT, aliases=("categories", "genre", "class"), required=False)
_TIME = Column("timestamp", ("float",), required=False)
_HISTORY = Column("item_id_list", ("token_seq",))
_GIVEN = (Split.TRAIN, Split.VALID, Split.TEST)


@dataclass(frozen=True)
class _Step:
    """One event of a user, with the line that said so and the split that line claims."""

    item: str
    row: Row
    given: Split | None = None


class Splitting(StrEnum):
    """How events are parted into what is learned from and what is held out."""

    LEAVE_ONE_OUT = "leave-one-out"
    TIME = "time"
    """At one moment for all users (`split_in_time`)."""


@dataclass(frozen=True)
class LeftOut:
    """What a split has no part for."""

    users: int
    """Those who did nothing before the moment: they would have no profile."""
    events: int
    """Theirs, and those of others after their test."""


def read_dataset(folder: Path, *, name: str | None = None, domain: str = "items") -> Dataset:
    """Read the one data set in `folder`.

    `name` is the data set's name (by default that of its files); `domain` says what its items are
    called, in the plural. Users get leave-one-out splits over their own order of events. Events
    come in order of time, ties in file order; without times round-robin over the users, in file
    order: every user's first event, then every second one. Items without events stay in the
    catalogue.

    Raises `DataError`, one line with file and line number, for anything that is not as it must be:
    malformed lines, missing columns, unknown or repeated items, an item that a user has twice, a
    user written in two ways, and in the split form rows that disagree with leave-one-out or with
    each other.
    """
    return read_split(folder, Splitting.LEAVE_ONE_OUT, name=name, domain=domain)[0]


def read_split(
    folder: Path, splitting: Splitting, *, name: str | None = None, domain: str = "items"
) -> tuple[Dataset, LeftOut]:
    """Read the one data set in `folder` under a split of your choice, and what that leaves out.

    Everything else is as in `read_dataset`. Raises `DataError` also where a split in time is asked
    for and there are no times, or all events have the same.
    """
    stem = _stem(folder)
    items = _read_items(folder / f"{stem}.item")
    catalogue = {item.key for item in items}
    plain = folder / f"{stem}.inter"
    parts = {split: folder / f"{stem}.{split}.inter" for split in _GIVEN}
    if plain.exists() and any(path.exists() for path in parts.values()):
        raise DataError(f"{folder}: both {plain.name} and split .inter files; keep one form")
    left_out = LeftOut(0, 0)
    if plain.exists():
        events, left_out = _plain_events(plain, catalogue, splitting)
    else:
        missing = [path.name for path in parts.values() if not path.exists()]
        if missing:
            raise DataError(f"{folder}: neither {plain.name} nor {', '.join(missing)}")
        if splitting is Splitting.TIME:
            raise DataError(
                f"{folder}: histories split over files have no times; a split in time needs "
                f"{plain.name} with a column timestamp:float"
            )
        events = _split_events(parts, catalogue)
    dataset = Dataset(name=name or stem, domain=domain, items=tuple(items), events=tuple(events))
    return dataset, left_out


def _stem(folder: Path) -> str:
    try:
        catalogues = sorted(path for path in folder.iterdir() if path.suffix == ".item")
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    if len(catalogues) != 1:
        found = ", ".join(path.name for path in catalogues) or "none"
        raise DataError(f"{folder}: exactly one .item file is needed, found {found}")
    return catalogues[0].stem


def _read_items(path: Path) -> list[Item]:
    lines: dict[str, int] = {}
    items = []
    for row in read_atomic(path, (_ITEM, _TITLE, _CATEGORY)):
        key = row.key("item_id")
        if key in lines:
            raise row.error(f"item {shown(key)} is already on line {lines[key]}")
        lines[key] = row.line
        title, category = _text(row.values["title"]), _text(row.values.get("category", ""))
        # An item without a title goes by its key, so that it has a name wherever it is shown.
        items.append(Item(key=key, title=title if title.strip() else key, category=category))
    return items


def _text(value: str) -> str:
    """Return a text without HTML entities; endless ones are no numbers that Python would read."""
    return html.unescape(value[:_TEXT_READ])


def _user(row: Row, spelt: dict[str, Row]) -> str:
    """Return a row's user; two users that only cleaning makes one are refused."""
    key = row.key("user_id")
    first = spelt.setdefault(key, row)
    if first.values["user_id"] != row.values["user_id"]:
        raise row.error(
            f"user {shown(key)} is written in another way before ({first.file}:{first.line}); "
            "spaces or invisible characters differ"
        )
    return key


def _plain_events(
    path: Path, catalogue: set[str], splitting: Splitting
) -> tuple[list[Event], LeftOut]:
    rows = read_atomic(path, (_USER, _ITEM, _TIME))
    timed = "timestamp" in rows[0].values
    if timed:
        rows.sort(key=lambda row: row.number("timestamp"))
    elif splitting is Splitting.TIME:
        raise DataError(f"{path.name}:1: a split in time needs a column timestamp:float")
    steps: dict[str, list[_Step]] = defaultdict(list)
    spelt: dict[str, Row] = {}
    for row in rows:
        steps[_user(row, spelt)].append(_Step(row.key("item_id"), row))
    for user, taken in steps.items():
        _check_items(user, taken, catalogue)
    if splitting is Splitting.TIME:
        return _events_in_time(path, rows, steps)
    events = {user: _events_of(user, taken) for user, taken in steps.items()}
    if not timed:
        return list(round_robin(events.values())), LeftOut(0, 0)
    waiting = {user: iter(own) for user, own in events.items()}
    return [next(waiting[row.key("user_id")]) for row in rows], LeftOut(0, 0)


def _events_in_time(
    path: Path, rows: Sequence[Row], steps: Mapping[str, Sequence[_Step]]
) -> tuple[list[Event], LeftOut]:
    parts = split_in_time(
        {user: [step.row.number("timestamp") for step in own] for user, own in steps.items()}
    )
    if not any(any(own) for own in parts.values()):
        raise DataError(f"{path.name}: no event is earlier than the last fifth of them")
    waiting = {user: iter(own) for user, own in parts.items()}
    events = [
        Event(user=row.key("user_id"), item=row.key("item_id"), split=split)
        for row in rows
        if (split := next(waiting[row.key("user_id")])) is not None
    ]
    users = len(parts) - len({event.user for event in events})
    return events, LeftOut(users, len(rows) - len(events))


def _split_events(parts: dict[Split, Path], catalogue: set[str]) -> list[Event]:
    steps: dict[str, list[_Step]] = {}
    spelt: dict[str, Row] = {}
    for split, path in parts.items():
        rows = read_atomic(path, (_USER, _HISTORY, _ITEM))
        for row in rows:  # users in file order, whatever the order of their rows
            steps.setdefault(_user(row, spelt), [])
        for row in sorted(rows, key=lambda row: len(row.keys("item_id_list"))):
            _append(steps[row.key("user_id")], row, split)
    for user, taken in steps.items():
        _check_items(user, taken, catalogue)
        _check_given(user, taken)
    return list(round_robin(_events_of(user, taken) for user, taken in steps.items()))


def _append(taken: list[_Step], row: Row, split: Split) -> None:
    """Add a row's item to its user's events; its history must be all of the events before it."""
    past = row.keys("item_id_list")
    if not taken:
        taken.append(_Step(past[0], row))
    before = tuple(step.item for step in taken)
    if past != before:
        last = taken[-1].row
        raise row.error(
            f"the history of user {shown(row.key('user_id'))} has {len(past)} items that are not "
            f"the {len(before)} events known from the rows before (last: {last.file}:{last.line})"
        )
    taken.append(_Step(row.key("item_id"), row, split))


def _check_items(user: str, taken: Iterable[_Step], catalogue: set[str]) -> None:
    met: dict[str, Row] = {}
    for step in taken:
        if step.item not in catalogue:
            raise step.row.error(f"item {shown(step.item)} is not in the .item file")
        if step.item in met:
            first = met[step.item]
            raise step.row.error(
                f"user {shown(user)} already has item {shown(step.item)} "
                f"({first.file}:{first.line}); keep one event of the two"
            )
        met[step.item] = step.row


def _check_given(user: str, taken: list[_Step]) -> None:
    for step, split in zip(taken, leave_one_out(len(taken)), strict=True):
        if step.given not in (None, split):
            raise step.row.error(
                f"item {shown(step.item)} of user {shown(user)} is given as {step.given}, "
                f"but leave-one-out over {len(taken)} events makes it {split}"
            )


def _events_of(user: str, taken: list[_Step]) -> list[Event]:
    splits = leave_one_out(len(taken))
    return [
        Event(user=user, item=step.item, split=split)
        for step, split in zip(taken, splits, strict=True)
    ]
