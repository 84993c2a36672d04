"""The sparse matrix of users and items that collaborative filtering learns from."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from state.dataset import Event


@dataclass(frozen=True)
class InteractionMatrix:
    """A binary matrix; users and items in the order in which they first appear."""

    users: dict[str, int]
    """The row of each user."""
    items: dict[str, int]
    """The column of each item with an event."""
    matrix: csr_array
    """1 where a user took an item."""


def interaction_matrix(events: Iterable[Event]) -> InteractionMatrix:
    """Return the matrix of `events`; a repeated event counts once."""
    pairs = dict.fromkeys((event.user, event.item) for event in events)
    users = {key: at for at, key in enumerate(dict.fromkeys(user for user, _ in pairs))}
    items = {key: at for at, key in enumerate(dict.fromkeys(item for _, item in pairs))}
    rows = [users[user] for user, _ in pairs]
    columns = [items[item] for _, item in pairs]
    matrix = csr_array((np.ones(len(pairs)), (rows, columns)), (len(users), len(items)))
    return InteractionMatrix(users, items, matrix)
