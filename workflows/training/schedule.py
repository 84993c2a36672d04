"""The schedule of a training run: records and windows, known from ids alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from state.dataset import Split
from state.domain import Frozen
from state.errors import InputError
from state.randomness import draw
from state.store.events import StoredEvent

DEFAULT_CONCURRENCY = 8
"""Interactions under way at the same time, at most."""


class Record(Frozen):
    """One training record."""

    id: str
    """Its id: the data set, and its place in the events."""
    user: int
    positive: int
    negative: int

    @property
    def clients(self) -> tuple[int, int, int]:
        """The clients it changes."""
        return self.user, self.positive, self.negative


def identity(dataset: str, position: int) -> str:
    """Return the id of a training record: its data set, and its place in the events."""
    return f"{dataset}:{position}"


def plan_records(
    dataset: str,
    events: Sequence[StoredEvent],
    items: Sequence[int],
    splits: frozenset[Split],
    seed: int,
    keys: Mapping[int, str] | None = None,
) -> list[Record]:
    """Return the records of the given splits, each with a negative drawn by seed and position.

    A negative is any item of the catalogue that the user has not met so far; one that the user
    will take later may be drawn, because at that time nobody knows. `keys` names clients in errors.

    Raises:
        InputError: a user has met the whole catalogue.
    """
    met: dict[int, set[int]] = {}
    records = []
    for event in events:
        known = met.setdefault(event.user_id, set())
        known.add(event.item_id)
        if event.split in splits:
            free = [item for item in items if item not in known]
            if not free:
                user = (keys or {}).get(event.user_id, event.user_id)
                raise InputError(
                    f"user '{user}' has met every item: there is no negative to draw; "
                    "load a larger catalogue"
                )
            negative = draw(seed, event.position, "negative").choice(free)
            records.append(
                Record(
                    id=identity(dataset, event.position),
                    user=event.user_id,
                    positive=event.item_id,
                    negative=negative,
                )
            )
    return records


def cut_windows(
    records: Iterable[Record], update_size: int, pending: Iterable[int] = ()
) -> Iterator[list[Record]]:
    """Cut a stream into windows: the shortest runs whose distinct clients reach `update_size`.

    A record that fails keeps its place, so the cut is known before anything runs. `pending` are
    the clients that wait from before; the last run may be short, and its clients go on waiting.
    """
    changed = set(pending)
    window: list[Record] = []
    for record in records:
        window.append(record)
        changed.update(record.clients)
        if len(changed) >= update_size:
            yield window
            window, changed = [], set()
    if window:
        yield window


def predecessors(window: Sequence[Record]) -> list[set[int]]:
    """Return for each record of a window the last earlier ones that share a client with it."""
    last: dict[int, int] = {}
    before = []
    for number, record in enumerate(window):
        before.append({last[client] for client in record.clients if client in last})
        last.update(dict.fromkeys(record.clients, number))
    return before


def chain_lengths(before: Sequence[set[int]]) -> list[int]:
    """Return, for each record, the length of the longest chain of records that wait for it.

    The record itself is included.
    """
    lengths = [1] * len(before)
    for number in reversed(range(len(before))):
        for earlier in before[number]:
            lengths[earlier] = max(lengths[earlier], lengths[number] + 1)
    return lengths
