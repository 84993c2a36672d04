"""What a data-set reader is, and what it returns."""

from dataclasses import dataclass
from typing import Protocol

from evals.datasets.splits import SplitStrategy
from state.dataset import Dataset
from state.domain import clean_line
from state.errors import RecNetError

_SHOWN = 60
"""Characters of a bad value that an error repeats."""


class DataError(RecNetError):
    """A data file is wrong: one line with the file, the line number and the reason."""


def quoted(value: str) -> str:
    """Return `value` quoted, on one line and short enough for an error."""
    return repr(clean_line(value, _SHOWN))


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


class DatasetReader(Protocol):
    """Reads one format."""

    @property
    def name(self) -> str:
        """What `read_dataset` calls the format."""
        ...

    @property
    def accepts(self) -> str:
        """What it reads, in one phrase, for errors and help."""
        ...

    def can_read(self, source: str) -> bool:
        """Return whether `source`, a path or another name of a data set, looks like this format.

        A quick look at file names; it need not be readable throughout.
        """
        ...

    def read(
        self, source: str, *, name: str | None, domain: str | None, split: SplitStrategy
    ) -> ReadResult:
        """Read the data set.

        Args:
            source: a path or another name of a data set.
            name: what to call the data set; None for the name that its files give it.
            domain: what its items are called, in the plural; None for the reader's default.
            split: how events are split.

        Raises:
            DataError: a file is not as it must be.
            InputError: the format does not allow the split or the domain.
        """
        ...
