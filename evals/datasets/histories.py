"""Events written as histories: each row has a user's items so far and the one that followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.datasets.events import Events, Keys
from evals.datasets.reader import DataError, ReadOptions, quoted
from evals.datasets.splits import leave_one_out
from evals.datasets.tables import DataTable, Role
from state.dataset import Split

HISTORY = "item_id_list"
"""The column with the items so far, separated by spaces."""


@dataclass(frozen=True)
class _Step:
    """One event of a user: its item, where it stands, and the split that the line claims."""

    item: str
    place: str
    given: Split | None = None


def read_histories(parts: Mapping[Split, DataTable]) -> Events:
    """Return the events of all parts, user by user, users as they appear in the files.

    Raises `DataError` for a history that is not what the rows before it say, and for a part that
    has other events than leave-one-out gives it.
    """
    by_user: dict[str, list[_Step]] = {}
    place = ""
    users = Keys("user_id", lambda: place, strict=True)
    items = Keys("item_id", lambda: place)
    for split, table in parts.items():
        columns = [table.require(role, ReadOptions()) for role in (Role.USER, Role.ITEM)]
        if HISTORY not in table.columns:
            raise DataError(f"{table.file}:1: the header has no column {HISTORY}")
        rows = []
        for line, (user, item, past) in table.select([*columns, HISTORY]):
            place = f"{table.file}:{line}"
            try:
                own = by_user.setdefault(users.names[users[user]], [])
                keys = [items.names[items[key]] for key in (*str(past).split(), item)]
            except ValueError as error:
                raise DataError(f"{place}: {error}") from None
            if len(keys) == 1:
                raise DataError(f"{place}: {HISTORY} is empty")
            rows.append((own, users.names[users[user]], keys, place))
        for row in sorted(rows, key=lambda row: len(row[2])):
            _append(*row, split)
        if not rows:
            raise DataError(f"{table.file}:1: no rows after the header")
    for user, own in by_user.items():
        _check_splits(user, own)
    steps = [(at, step) for at, own in enumerate(by_user.values()) for step in own]
    return Events(
        file=", ".join(table.file for table in parts.values()),
        users=users.names,
        items=items.names,
        user=np.array([user for user, _ in steps], np.int32),
        item=np.array([items[step.item] for _, step in steps], np.int32),
        place=np.array([step.place for _, step in steps]),
    )


def _append(own: list[_Step], user: str, keys: list[str], place: str, split: Split) -> None:
    """Add a row's item to its user's events; its history must be all of the events before it."""
    *past, item = keys
    if not own:
        own.append(_Step(past[0], place))
    if past != [step.item for step in own]:
        raise DataError(
            f"{place}: the history of user {quoted(user)} has {len(past)} items that are not "
            f"the {len(own)} events known from the rows before (last: {own[-1].place})"
        )
    own.append(_Step(item, place, split))


def _check_splits(user: str, own: Sequence[_Step]) -> None:
    for step, split in zip(own, leave_one_out(len(own)), strict=True):
        if step.given not in (None, split):
            raise DataError(
                f"{step.place}: item {quoted(step.item)} of user {quoted(user)} is given as "
                f"{step.given}, but leave-one-out over {len(own)} events makes it {split}"
            )
