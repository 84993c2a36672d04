"""All data-set readers, and the one function that picks among them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.datasets.amazon import AmazonReader
from evals.datasets.files import open_source
from evals.datasets.movielens import MovieLensReader
from evals.datasets.planted import PlantedReader
from evals.datasets.reader import DataError, DatasetReader, ReadOptions, ReadResult
from evals.datasets.recbole import RecBoleReader
from evals.datasets.splits import SplitStrategy
from evals.datasets.table_files import TableReader
from state.dataset import Dataset
from state.errors import InputError

READERS: tuple[DatasetReader, ...] = (
    PlantedReader(),
    MovieLensReader(),
    RecBoleReader(),
    AmazonReader(),
    TableReader(),
)
"""Every reader; the first one that recognises a source reads it."""

SAMPLE = Path(__file__).parent / "sample"
"""The planted sample that is shipped (`domain="books"`)."""
_DEFAULTS = ReadOptions()


def read_dataset(
    source: str | Path,
    file_format: str | None = None,
    options: ReadOptions = _DEFAULTS,
    *,
    name: str | None = None,
    domain: str | None = None,
    split: SplitStrategy | None = None,
) -> Dataset:
    """Return the data set at `source`: a path, or `planted:SEED:READERS`.

    Example: `read_dataset("ml-100k.zip", options=ReadOptions(min_rating=4), domain="films")`.
    `name`, `domain` and `split` stand for those of `options`; errors are those of
    `read_with_notes`.
    """
    given = {"name": name, "domain": domain, "split": split}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    return read_with_notes(source, file_format, replace(options, **changes)).dataset


def read_with_notes(
    source: str | Path, file_format: str | None = None, options: ReadOptions = _DEFAULTS
) -> ReadResult:
    """Return the data set at `source`, what the split leaves out of it, and notes on the reading.

    `file_format` is the name of a reader; None picks one by what the source holds.

    Raises:
        DataError: a file is wrong; the message names file and line.
        InputError: no reader has that name, or the reader does not allow one of the options.
    """
    return find_reader(str(source), file_format).read(str(source), options)


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
    found = open_source(source).listed()
    accepted = "; ".join(f"{reader.name}: {reader.accepts}" for reader in READERS)
    raise DataError(f"{source}: no known data format; found {found}. Accepted: {accepted}")
