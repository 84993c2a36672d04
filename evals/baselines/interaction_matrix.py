"""Who took what as a sparse matrix: what the methods of collaborative filtering learn from."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from state.dataset import Event


@dataclass(frozen=True)
class Taken:
    """The binary matrix of users and items, both in the order in which they first appear."""

    users: dict[str, int]
    """The row of each user."""
    items: dict[str, int]
    """The column of each item that anyone took."""
    matrix: csr_array
    """1 where a user took an item."""


def taken_matrix(events: Iterable[Event]) -> Taken:
    """Return the matrix of `events`; an event that is there twice counts once."""
    pairs = dict.fromkeys((event.user, event.item) for event in events)
    users = _numbered(user for user, _ in pairs)
    items = _numbered(item for _, item in pairs)
    rows = [users[user] for user, _ in pairs]
    columns = [items[item] for _, item in pairs]
    network_settings = (len(users), len(items))
    return Taken(users, items, csr_array((np.ones(len(pairs)), (rows, columns)), network_settings))


def _numbered(keys: Iterable[str]) -> dict[str, int]:
    return {key: at for at, key in enumerate(dict.fromkeys(keys))}
