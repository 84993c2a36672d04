"""Data sets in RecBole's atomic files.

Two forms are read. Plain: `X.inter` with one event a line. Split: `X.train.inter`, `X.valid.inter`
and `X.test.inter` with a user's history and the item that followed (AgentCF's samples). The
catalogue is `X.item` in both. All other columns are ignored: totals, reviews and also-bought lists
are from after the event.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.atomic import Column, Row, read_atomic
from evals.datasets.reader import DataError, LeftOut, ReadResult, quoted
from evals.datasets.splits import SplitStrategy, leave_one_out, round_robin, split_in_time
from state.dataset import Dataset, Event, Item, Split

_TEXT_READ = 4_000
"""Characters of a text in which HTML entities are decoded; a number in one could be endless."""
_TEXT = ("token_seq", "token")
_USER = Column("user_id", ("token",))
_ITEM = Column("item_id", ("token",))
_TITLE = Column("title", _TEXT, aliases=("movie_title", "name"))
_CATEGORY = Column("category", _TEXT, aliases=("categories", "genre", "class"), required=False)
_TIME = Column("timestamp", ("float",), required=False)
_HISTORY = Column("item_id_list", ("token_seq",))


class RecBoleReader:
    """Reads a folder with one data set in atomic files.

    Events come in order of time, ties in file order. Without times they come round-robin over the
    users, in file order: every user's first event, then every user's second. Items without events
    stay in the catalogue.
    """

    name = "recbole"
    accepts = "a folder with X.item, and X.inter or X.train.inter, X.valid.inter and X.test.inter"

    def can_read(self, source: str) -> bool:
        """Return whether `source` is a folder with a `.item` or `.inter` file."""
        try:
            return any(path.suffix in (".item", ".inter") for path in Path(source).iterdir())
        except OSError:
            return False

    def read(
        self, source: str, *, name: str | None, domain: str | None, split: SplitStrategy
    ) -> ReadResult:
        """Read the folder.

        Raises `DataError` for malformed lines, missing columns, unknown or repeated items, an item
        that a user has twice, a user written in two ways, split files that disagree with
        leave-one-out or with each other, and a split in time without times.
        """
        folder = Path(source)
        stem = _stem(folder)
        items = _read_items(folder / f"{stem}.item")
        catalogue = {item.key for item in items}
        plain = folder / f"{stem}.inter"
        later = (Split.TRAIN, Split.VALID, Split.TEST)
        parts = {part: folder / f"{stem}.{part}.inter" for part in later}
        missing = [path.name for path in parts.values() if not path.exists()]
        if plain.exists() and len(missing) < len(parts):
            raise DataError(f"{folder}: both {plain.name} and split .inter files; keep one form")
        if plain.exists():
            events, left_out = _read_plain(plain, catalogue, split)
        elif missing:
            raise DataError(f"{folder}: neither {plain.name} nor {', '.join(missing)}")
        elif split is SplitStrategy.TIME:
            raise DataError(
                f"{folder}: histories split over files have no times; a split in time needs "
                f"{plain.name} with a column timestamp:float"
            )
        else:
            events, left_out = _read_histories(parts, catalogue), LeftOut()
        dataset = Dataset(
            name=name or stem,
            domain="items" if domain is None else domain,
            items=tuple(items),
            events=tuple(events),
        )
        return ReadResult(dataset, left_out)


@dataclass(frozen=True)
class _Step:
    """One event of a user, the line it is from, and the split that the line claims."""

    user: str
    item: str
    row: Row
    given: Split | None = None


def _stem(folder: Path) -> str:
    try:
        catalogues = sorted(path for path in folder.iterdir() if path.suffix == ".item")
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder") from None
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
            raise row.error(f"item {quoted(key)} is already on line {lines[key]}")
        lines[key] = row.line
        title, category = (
            html.unescape(row.values.get(column, "")[:_TEXT_READ])
            for column in ("title", "category")
        )
        # An item without a title is shown by its key.
        items.append(Item(key=key, title=title if title.strip() else key, category=category))
    return items


def _read_plain(
    path: Path, catalogue: set[str], split: SplitStrategy
) -> tuple[list[Event], LeftOut]:
    rows = read_atomic(path, (_USER, _ITEM, _TIME))
    timed = "timestamp" in rows[0].values
    if timed:
        rows.sort(key=lambda row: row.number("timestamp"))
    elif split is SplitStrategy.TIME:
        raise DataError(f"{path.name}:1: a split in time needs a column timestamp:float")
    by_user: dict[str, list[_Step]] = {}
    written: dict[str, Row] = {}
    steps = [_Step(_user(row, written), row.key("item_id"), row) for row in rows]
    for step in steps:
        by_user.setdefault(step.user, []).append(step)
    for own in by_user.values():
        _check_items(own, catalogue)
    parts: Mapping[str, Sequence[Split | None]]
    if split is SplitStrategy.TIME:
        parts = split_in_time(
            {user: [step.row.number("timestamp") for step in own] for user, own in by_user.items()}
        )
        if not any(any(own) for own in parts.values()):
            raise DataError(f"{path.name}: no event is earlier than the last fifth of them")
    else:
        parts = {user: leave_one_out(len(own)) for user, own in by_user.items()}
    events = _events(steps if timed else round_robin(by_user.values()), parts)
    users = len(parts) - len({event.user for event in events})
    return events, LeftOut(users, len(rows) - len(events))


def _read_histories(parts: Mapping[Split, Path], catalogue: set[str]) -> list[Event]:
    by_user: dict[str, list[_Step]] = {}
    written: dict[str, Row] = {}
    for split, path in parts.items():
        rows = read_atomic(path, (_USER, _HISTORY, _ITEM))
        for row in rows:  # users in file order, whatever the order of their rows
            by_user.setdefault(_user(row, written), [])
        for row in sorted(rows, key=lambda row: len(row.keys("item_id_list"))):
            _append(by_user[row.key("user_id")], row, split)
    for own in by_user.values():
        _check_items(own, catalogue)
        _check_splits(own)
    return _events(
        round_robin(by_user.values()),
        {user: leave_one_out(len(own)) for user, own in by_user.items()},
    )


def _append(own: list[_Step], row: Row, split: Split) -> None:
    """Add a row's item to its user's events; its history must be all of the events before it."""
    user, past = row.key("user_id"), row.keys("item_id_list")
    if not own:
        own.append(_Step(user, past[0], row))
    if past != tuple(step.item for step in own):
        last = own[-1].row
        raise row.error(
            f"the history of user {quoted(user)} has {len(past)} items that are not "
            f"the {len(own)} events known from the rows before (last: {last.file}:{last.line})"
        )
    own.append(_Step(user, row.key("item_id"), row, split))


def _user(row: Row, written: dict[str, Row]) -> str:
    """Return a row's user; two users that are the same only after cleaning are refused."""
    key = row.key("user_id")
    first = written.setdefault(key, row)
    if first.values["user_id"] != row.values["user_id"]:
        raise row.error(
            f"user {quoted(key)} is written in another way before ({first.file}:{first.line}); "
            "spaces or invisible characters differ"
        )
    return key


def _check_items(own: Sequence[_Step], catalogue: set[str]) -> None:
    met: dict[str, Row] = {}
    for step in own:
        if step.item not in catalogue:
            raise step.row.error(f"item {quoted(step.item)} is not in the .item file")
        first = met.setdefault(step.item, step.row)
        if first is not step.row:
            raise step.row.error(
                f"user {quoted(step.user)} already has item {quoted(step.item)} "
                f"({first.file}:{first.line}); keep one event of the two"
            )


def _check_splits(own: Sequence[_Step]) -> None:
    for step, split in zip(own, leave_one_out(len(own)), strict=True):
        if step.given not in (None, split):
            raise step.row.error(
                f"item {quoted(step.item)} of user {quoted(step.user)} is given as {step.given}, "
                f"but leave-one-out over {len(own)} events makes it {split}"
            )


def _events(steps: Iterable[_Step], parts: Mapping[str, Sequence[Split | None]]) -> list[Event]:
    """Return the steps as events, each user's in the order of that user's splits."""
    waiting = {user: iter(own) for user, own in parts.items()}
    return [
        Event(user=step.user, item=step.item, split=split)
        for step in steps
        if (split := next(waiting[step.user])) is not None
    ]
