"""From the tables that a reader has found to a data set."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from evals.datasets.choices import apply_steps, by_user, later_steps, rating_steps
from evals.datasets.events import Events, clean_key, collect_events, key_text
from evals.datasets.files import Source, open_source
from evals.datasets.reader import DataError, Extent, LeftOut, ReadOptions, ReadResult, quoted
from evals.datasets.splits import SplitStrategy, leave_one_out, split_in_time
from evals.datasets.tables import DataTable, Role, open_table
from evals.datasets.text import plain_list, plain_text
from state.dataset import Dataset, Event, Item, Split


@dataclass(frozen=True)
class Found:
    """What a reader has found for one data set."""

    name: str
    events: DataTable | Events
    """A table of events, or events whose order is known."""
    items: DataTable | None = None
    """The catalogue, where it is a file of its own."""
    catalogue: Extent = Extent.WHOLE
    """What of it is taken if nobody asks otherwise."""
    repeated_items: bool = False
    """Whether an item may be listed twice; the first entry counts."""


class FileReader(ABC):
    """A `DatasetReader` of files: a format is a way to find the tables of events and of items."""

    name: str
    accepts: str

    @abstractmethod
    def find(self, source: Source, options: ReadOptions) -> Found | None:
        """Return the tables; None where the files are not of this format.

        Raises `DataError` where they are, and something is missing or not clear.
        """

    def can_read(self, source: str) -> bool:
        """Return whether the files at a path are of this format, be they right or wrong."""
        try:
            files = open_source(source)
        except DataError:
            return False
        try:
            return self.find(files, ReadOptions()) is not None
        except DataError:
            return True

    def read(self, source: str, options: ReadOptions) -> ReadResult:
        """Read the data set as `assemble` does."""
        files = open_source(source)
        found = self.find(files, options)
        if found is None:
            names = files.listed()
            raise DataError(f"{source}: not {self.name}, which is {self.accepts}; found {names}")
        return assemble(found, self.name, options)


def assemble(found: Found, form: str, options: ReadOptions) -> ReadResult:
    """Read the tables of a format and return the data set that the options ask for.

    Events come in order of time, ties in file order. Without times they come round-robin over the
    users, in file order: every user's first event, then every user's second.

    Raises `DataError` as `DatasetReader.read` does.
    """
    source, listed = found.events, found.items
    if options.items is not None:
        listed = open_table(options.items, options.encoding)
    columns: list[str] = []
    if not isinstance(source, Events):
        events, columns = collect_events(source, options, titles=listed is None)
    elif options.min_rating is None:
        events = source
    else:
        raise DataError(f"{source.file}: histories have no ratings for --min-rating")
    events, dropped = apply_steps(events, rating_steps(options))
    whole = _takes_whole(found, options)
    if listed is None:
        items = [_item(events.items[at], *text) for at, text in (events.texts or {}).items()]
        total = len(items)
    else:
        wanted = None if whole else _used(events)
        items, total, more = _read_items(listed, found, options, wanted)
        columns += more
    if events.time is not None:
        events = events.take(np.argsort(events.time, kind="stable"))
    events, more = apply_steps(events, later_steps(options, {item.key for item in items}))
    used = _used(events)
    notes = [f"read as {form}: {source.file}{f' and {listed.file}' if listed else ''}"]
    notes += [f"columns: {', '.join(columns)}"] if columns else []
    notes += [f"events dropped: {', '.join(dropped + more)}"] if dropped + more else []
    if not whole:
        items = [item for item in items if item.key in used]
        if len(items) < total:
            some = f"the {len(items):,} of {total:,} with an event"
            notes.append(f"items: {some}; --catalogue whole takes all")
    elif len(used) < len(items):
        some = f"{len(items) - len(used):,} of {len(items):,} without an event"
        notes.append(f"items: {some}; --catalogue used leaves them out")
    notes += _warnings(found, events, items, options)
    told, left_out = _split(events, options.split)
    dataset = Dataset(
        name=options.name or found.name,
        domain="items" if options.domain is None else options.domain,
        items=tuple(items),
        events=tuple(told),
    )
    return ReadResult(dataset, left_out, tuple(notes))


def _used(events: Events) -> set[str]:
    """Return the keys of the items that have an event."""
    return {events.items[at] for at in np.unique(events.item)}


def _takes_whole(found: Found, options: ReadOptions) -> bool:
    """Return whether items without an event stay; a sample of events leaves them out."""
    if options.catalogue is not None:
        return options.catalogue is Extent.WHOLE
    sampled = (options.k_core, options.events_per_user, options.sample_users) != (None, None, None)
    return found.catalogue is Extent.WHOLE and not sampled


def _read_items(
    table: DataTable, found: Found, options: ReadOptions, wanted: Collection[str] | None
) -> tuple[list[Item], int, list[str]]:
    """Return the wanted items of a catalogue, how many it lists, and the columns that were read.

    An item may be listed twice if it says the same, or if the format allows it.
    """
    if options.item_column not in table.columns:
        options = replace(options, item_column=None)  # that of the events has another name here
    key_column = table.require(Role.ITEM, options, "id")
    title_column = table.require(Role.TITLE, options)
    categories = table.find(Role.CATEGORY, options)
    first: dict[str, tuple[int, Item]] = {}
    total = 0
    for line, row in table.select([key_column, title_column, *categories]):
        try:
            key = clean_key(key_text(row[0]), key_column)
        except ValueError as error:
            raise DataError(f"{table.file}:{line}: {error}") from None
        total += 1
        if wanted is not None and key not in wanted:
            continue
        category = next(filter(None, map(plain_list, row[2:])), "")
        item = _item(key, plain_text(row[1]), category)
        before, known = first.setdefault(key, (line, item))
        if known != item and not found.repeated_items:
            raise DataError(f"{table.file}:{line}: item {quoted(key)} is already on line {before}")
    if not total:
        raise DataError(f"{table.file}:1: no rows after the header")
    columns = [f"title = {title_column}"]
    columns += [f"category = {' or '.join(categories)}"] if categories else []
    return [item for _, item in first.values()], total, columns


def _item(key: str, title: str, category: str) -> Item:
    """Return an item; one without a title is shown by its key."""
    return Item(key=key, title=title or key, category=category)


def _warnings(
    found: Found, events: Events, items: list[Item], options: ReadOptions
) -> Iterator[str]:
    if isinstance(found.events, DataTable):
        rated = found.events.find(Role.RATING, options)
        if rated and options.min_rating is None:
            yield (
                f"warning: the ratings in column {rated[0]} are not used, so low ones count as "
                "likes; --min-rating X drops events rated below X"
            )
        if events.time is None:
            yield "warning: no time column: file order is taken; --time-column names one"
    if untitled := sum(item.title == item.key for item in items):
        yield f"warning: {untitled:,} of {len(items):,} items have no title but their key"


def _split(events: Events, split: SplitStrategy) -> tuple[list[Event], LeftOut]:
    """Return the events in feeding order with their splits."""
    order, turn, lengths = by_user(events)
    parts: Iterable[Sequence[Split | None]]
    if split is SplitStrategy.LEAVE_ONE_OUT:
        parts = map(leave_one_out, lengths.tolist())
    elif events.time is None:
        raise DataError(
            f"{events.file}: a split in time needs a time column; --time-column names it"
        )
    else:
        times = np.split(events.time[order], np.cumsum(lengths)[:-1])
        parts = split_in_time([own.tolist() for own in times])
    splits = np.empty(len(events), object)
    splits[order] = list(chain.from_iterable(parts))
    fed = np.arange(len(events))
    if events.time is None:
        fed = order[np.lexsort((events.user[order], turn))]
    told = [
        Event(events.users[user], events.items[item], part)
        for user, item, part in zip(
            events.user[fed].tolist(), events.item[fed].tolist(), splits[fed].tolist(), strict=True
        )
        if part is not None
    ]
    if not told:
        raise DataError(f"{events.file}: no event is earlier than the last fifth of them")
    users = int((lengths > 0).sum()) - len({event.user for event in told})
    return told, LeftOut(users, len(events) - len(told))
