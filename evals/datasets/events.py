"""Events as columns of numbers: collected from a table, and chosen from by the user's options."""

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.datasets.reader import DataError, ReadOptions, quoted
from evals.datasets.tables import DataTable, Role
from evals.datasets.text import is_missing, plain_list, plain_text
from state.domain import KEY_LENGTH, clean_line

Codes = NDArray[np.int32]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Events in the order of the file; users and items are places in lists of keys."""

    file: str
    users: Sequence[str]
    """In order of appearance."""
    items: Sequence[str]
    user: Codes
    item: Codes
    place: NDArray[Any]
    """Where each event stands: a line number of `file`, or a file with a line number."""
    time: Numbers | None = None
    rating: Numbers | None = None
    texts: Mapping[int, tuple[str, str]] | None = None
    """Title and category by item, where the events' own file has titles."""

    def __len__(self) -> int:
        return len(self.user)

    def take(self, which: NDArray[Any]) -> "Events":
        """Return the events that a mask or a list of places selects."""
        return replace(
            self,
            user=self.user[which],
            item=self.item[which],
            place=self.place[which],
            time=None if self.time is None else self.time[which],
            rating=None if self.rating is None else self.rating[which],
        )

    def where(self, at: int) -> str:
        """Return the file and line of an event."""
        place = self.place[at]
        return str(place) if isinstance(place, str) else f"{self.file}:{place}"


class Keys(dict[object, int]):
    """The places of keys in order of appearance; each distinct one is cleaned once."""

    def __init__(self, column: str, where: Callable[[], str], *, strict: bool = False) -> None:
        """Begin without keys; `where` tells the file and line that is being read.

        With `strict`, two keys that are the same only once they are clean are refused.
        """
        self.names: list[str] = []
        self._column, self._where, self._strict = column, where, strict
        self._known: dict[str, tuple[int, str, str]] = {}

    def __missing__(self, raw: object) -> int:
        """Add a key; a ValueError says what is wrong with it."""
        text = key_text(raw)
        key = clean_key(text, self._column)
        added = (len(self.names), text, self._where())
        place, written, first = self._known.setdefault(key, added)
        if place == len(self.names):
            self.names.append(key)
        elif self._strict and written != text:
            raise ValueError(
                f"{self._column} {quoted(key)} is written in another way before ({first}); "
                "spaces or invisible characters differ"
            )
        self[raw] = place
        return place


def key_text(raw: object) -> str:
    """Return an identifier as text; `12.0`, which spreadsheets make of 12, is `12`."""
    if is_missing(raw):
        return ""
    text = str(raw)
    whole, dot, zeros = text.partition(".")
    return whole if dot and zeros and not zeros.strip("0") and whole.isdecimal() else text


def clean_key(text: str, column: str) -> str:
    """Return an identifier, cleaned; a ValueError where it is empty or too long.

    It is not cut, because two identifiers could become the same.
    """
    if len(text) > KEY_LENGTH:
        raise ValueError(f"{column} {quoted(text)}... is longer than {KEY_LENGTH} characters")
    key = clean_line(text, KEY_LENGTH)
    if not key:
        raise ValueError(f"{column} is empty")
    return key


def collect_events(
    table: DataTable, options: ReadOptions, *, titles: bool
) -> tuple[Events, list[str]]:
    """Read a table of events; return them with the columns that were read, as `role = column`.

    With `titles`, the titles of items are in the same table. Ratings are read only where there is
    a threshold for them.

    Raises `DataError` for a missing column, and for a row with an empty key, or with a time or
    rating that is no number.
    """
    needed, wished = [Role.USER, Role.ITEM], [Role.TIME]
    if options.min_rating is not None:
        needed.append(Role.RATING)
    if titles:
        needed.append(Role.TITLE)
        wished.append(Role.CATEGORY)
    roles = {role: table.require(role, options) for role in needed}
    roles |= {role: found[0] for role in wished if (found := table.find(role, options))}
    lines, user, item = array("q"), array("i"), array("i")
    times, ratings = array("d"), array("d")
    users = Keys(roles[Role.USER], lambda: f"{table.file}:{line}", strict=True)
    items = Keys(roles[Role.ITEM], lambda: f"{table.file}:{line}")
    texts: dict[int, tuple[str, str]] = {}
    place = {role: at for at, role in enumerate(roles)}
    at_time, at_rating = place.get(Role.TIME), place.get(Role.RATING)
    at_title, at_category = place.get(Role.TITLE), place.get(Role.CATEGORY)
    line = 1
    try:
        for line, row in table.select(list(roles.values())):
            lines.append(line)
            user.append(users[row[0]])
            item.append(items[row[1]])
            if at_time is not None:
                times.append(_time(row[at_time], roles[Role.TIME]))
            if at_rating is not None:
                ratings.append(_rating(row[at_rating], roles[Role.RATING]))
            if at_title is not None and not texts.get(item[-1], ("", ""))[0]:
                category = "" if at_category is None else plain_list(row[at_category])
                texts[item[-1]] = (plain_text(row[at_title]), category)
    except ValueError as error:
        raise DataError(f"{table.file}:{line}: {error}") from None
    except TypeError:  # a list or an object is no key of a dict
        names = " and ".join(list(roles.values())[:2])
        raise DataError(f"{table.file}:{line}: {names} must be single values") from None
    if not lines:
        raise DataError(f"{table.file}:1: no rows after the header")
    events = Events(
        file=table.file,
        users=users.names,
        items=items.names,
        user=np.array(user, np.int32),
        item=np.array(item, np.int32),
        place=np.array(lines, np.int64),
        time=None if at_time is None else np.array(times),
        rating=None if at_rating is None else np.array(ratings),
        texts=texts if titles else None,
    )
    return events, [f"{role} = {column}" for role, column in roles.items()]


def _time(value: object, column: str) -> float:
    """Return a time as a number whose order is that of time: of any unit, or an ISO date."""
    text = value.isoformat() if isinstance(value, date) else str(value).strip()
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            number = math.nan
        else:
            number = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if math.isfinite(number):
        return number
    raise ValueError(f"{column} {quoted(value)} is neither a finite number nor an ISO date")


def _rating(value: object, column: str) -> float:
    """Return a rating; NaN where there is none."""
    if is_missing(value):
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]  # as above
    except (TypeError, ValueError):
        raise ValueError(f"{column} {quoted(value)} is not a number") from None
