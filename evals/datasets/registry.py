"""All data-set readers, and the one function that picks among them."""

from pathlib import Path

from evals.datasets.planted import PlantedReader
from evals.datasets.reader import DataError, DatasetReader, ReadResult
from evals.datasets.recbole import RecBoleReader
from evals.datasets.splits import SplitStrategy
from state.dataset import Dataset
from state.errors import InputError

READERS: tuple[DatasetReader, ...] = (PlantedReader(), RecBoleReader())
"""Every reader; the first one that recognises a source reads it."""

SAMPLE = Path(__file__).parent / "sample"
"""The planted sample that is shipped (`domain="books"`)."""
_NAMED = 5
"""Files of an unknown folder that an error names."""


def read_dataset(
    source: str | Path,
    file_format: str | None = None,
    *,
    name: str | None = None,
    domain: str | None = None,
    split: SplitStrategy = SplitStrategy.LEAVE_ONE_OUT,
) -> Dataset:
    """Return the data set at `source`: a path, or `planted:SEED:READERS`.

    Example: `read_dataset("data/ml-100k", domain="films")`. Arguments and errors are those of
    `read_with_left_out`.
    """
    return read_with_left_out(source, file_format, name=name, domain=domain, split=split).dataset


def read_with_left_out(
    source: str | Path,
    file_format: str | None = None,
    *,
    name: str | None = None,
    domain: str | None = None,
    split: SplitStrategy = SplitStrategy.LEAVE_ONE_OUT,
) -> ReadResult:
    """Return the data set at `source`, and what the split leaves out of it.

    `file_format` is the name of a reader; None picks one by what the source holds. The other
    arguments are those of `DatasetReader.read`.

    Raises:
        DataError: a file is wrong; the message names file and line.
        InputError: no reader knows the format, or the reader does not allow the split or domain.
    """
    reader = find_reader(str(source), file_format)
    return reader.read(str(source), name=name, domain=domain, split=split)


def find_reader(source: str, file_format: str | None = None) -> DatasetReader:
    """Return the reader of that name, or else the first that recognises the source.

    Raises:
        DataError: the source cannot be opened, or no reader recognises it.
        InputError: no reader has that name.
    """
    if file_format is not None:
        by_name = {reader.name: reader for reader in READERS}
        if file_format not in by_name:
            raise InputError(f"format '{file_format}' is unknown; known are {', '.join(by_name)}")
        return by_name[file_format]
    for reader in READERS:
        if reader.can_read(source):
            return reader
    accepted = "; ".join(f"{reader.name}: {reader.accepts}" for reader in READERS)
    raise DataError(f"{source}: no known data format ({_contents(source)}). Accepted: {accepted}")


def _contents(source: str) -> str:
    """Return in a few words what is at a path."""
    path = Path(source)
    try:
        if not path.is_dir():
            path.stat()
            return "it is a single file"
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        raise DataError(f"{source}: no such folder") from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error
    more = ", …" if len(names) > _NAMED else ""
    return f"it holds {', '.join(names[:_NAMED])}{more}" if names else "it is an empty folder"
