"""The schedule of a training run: records and windows, known from ids alone (decision 7)."""

from collections.abc import Iterable, Iterator, Sequence

from state.dataset import Split
from state.domain import Frozen
from state.errors import InputError
from state.randomness import draw
from state.store.events import StoredEvent


class Record(Frozen):
    """One training record."""

    position: int
    """Its place in the data set's events, which makes its identity."""
    user: int
    positive: int
    negative: int

    @property
    def clients(self) -> tuple[int, int, int]:
        """The clients it changes."""
        return self.user, self.positive, self.negative


def plan_records(
    events: Sequence[StoredEvent], items: Sequence[int], splits: frozenset[Split], seed: int
) -> list[Record]:
    """Return the records of the given splits, each with a negative drawn by seed and position.

    A negative is any item of the catalogue that the user has not met so far; one that the user
    will take later may be drawn, because at that time nobody knows.

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
                raise InputError("a user has met every item: there is no negative to draw")
            negative = draw(seed, event.position, "negative").choice(free)
            records.append(
                Record(
                    position=event.position,
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
