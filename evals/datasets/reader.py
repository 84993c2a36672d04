"""What a data-set reader is, what it is asked for, and what it returns."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from evals.datasets.splits import SplitStrategy
from state.dataset import Dataset
from state.domain import clean_line
from state.errors import RecNetError

_SHOWN = 60
"""Characters of a bad value that an error repeats."""


class DataError(RecNetError):
    """A data file is wrong: one line with the file, the line number and the reason."""


def quoted(value: object) -> str:
    """Return `value` quoted, on one line and short enough for an error."""
    return repr(clean_line(str(value)[:1_000], _SHOWN))


class Keep(StrEnum):
    """Which event stays where a user has an item more than once."""

    FIRST = "first"
    LAST = "last"


class Extent(StrEnum):
    """Which items a data set has: all that the files list, or those with an event."""

    WHOLE = "whole"
    USED = "used"


@dataclass(frozen=True)
class ReadOptions:
    """How files are read, and which of their events are taken; None leaves it to the reader."""

    user_column: str | None = None
    item_column: str | None = None
    time_column: str | None = None
    rating_column: str | None = None
    title_column: str | None = None
    category_column: str | None = None
    items: Path | None = None
    """The catalogue, where it is a file of its own that the reader does not find."""
    encoding: str | None = None
    """Of text files, as Python names it; else UTF-8, or UTF-16 with its mark."""
    min_rating: float | None = None
    """Events rated below this, or not at all, are dropped."""
    keep: Keep | None = None
    """Which event of a repeated pair of user and item stays; None makes such pairs an error."""
    skip_unknown: bool = False
    """Drop events whose item is not in the catalogue; else they are an error."""
    k_core: int | None = None
    """Drop users and items with fewer events than this, until none is left (§3.1.1: five)."""
    events_per_user: int | None = None
    """Keep only each user's last events, this many; users with fewer are dropped."""
    sample_users: int | None = None
    """Keep this many users, drawn by `seed`."""
    seed: int = 0
    catalogue: Extent | None = None
    name: str | None = None
    """What to call the data set."""
    domain: str | None = None
    """What its items are called, in the plural."""
    split: SplitStrategy = SplitStrategy.LEAVE_ONE_OUT


@dataclass(frozen=True)
class LeftOut:
    """What the split has no place for."""

    users: int = 0
    """Users without an event before the split's moment: they would have no profile."""
    events: int = 0
    """Their events, and those of others after their test event."""


@dataclass(frozen=True)
class ReadResult:
    """A data set, and what of its files is not in it."""

    dataset: Dataset
    left_out: LeftOut = LeftOut()
    notes: tuple[str, ...] = ()
    """What was read from where, what was dropped, and warnings; one line each."""


class DatasetReader(Protocol):
    """Reads one format."""

    @property
    def name(self) -> str:
        """What `--format` calls the format."""
        ...

    @property
    def accepts(self) -> str:
        """What it reads, in one phrase, for errors and help."""
        ...

    def can_read(self, source: str) -> bool:
        """Return whether `source`, a path or another name of a data set, looks like this format.

        A quick look at file names and first lines; it need not be readable throughout.
        """
        ...

    def read(self, source: str, options: ReadOptions) -> ReadResult:
        """Read the data set.

        Raises:
            DataError: a file is not as it must be.
            InputError: the format does not allow one of the options.
        """
        ...
