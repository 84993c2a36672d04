"""RecBole's atomic files, read as rows with their line numbers.

An atomic file is tab-separated text whose first line names its columns as `name:type`
(https://recbole.io/docs/user_guide/data/atomic_files.html). What the columns mean is not known
here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.reader import DataError, quoted
from state.domain import KEY_LENGTH, clean_line

_NAMED = 12
"""Columns of a file that an error names."""


@dataclass(frozen=True)
class Column:
    """A column that a reader asks for."""

    name: str
    """What the reader calls it."""
    types: tuple[str, ...]
    """The RecBole types it may have: `token`, `token_seq`, `float`."""
    aliases: tuple[str, ...] = ()
    """Other names it may have in a header, tried in this order after its own."""
    required: bool = True


@dataclass(frozen=True)
class Row:
    """One line of a file: the columns that were asked for and are in the header."""

    file: str
    line: int
    values: Mapping[str, str]

    def error(self, wrong: str) -> DataError:
        """Return an error that names this row's file and line."""
        return DataError(f"{self.file}:{self.line}: {wrong}")

    def key(self, column: str) -> str:
        """Return an identifier, cleaned; raise a `DataError` where it is empty or too long.

        It is not cut, because two identifiers could become the same.
        """
        return self._checked_key(self.values[column], column)

    def keys(self, column: str) -> tuple[str, ...]:
        """Return the identifiers of a `token_seq` column, separated by spaces; at least one."""
        parts = self.values[column].split()
        if not parts:
            raise self.error(f"{column} is empty")
        return tuple(self._checked_key(part, column) for part in parts)

    def number(self, column: str) -> float:
        """Return a finite number, else raise a `DataError`."""
        try:
            number = float(self.values[column])
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(f"{column} {quoted(self.values[column])} is not a finite number")
        return number

    def _checked_key(self, value: str, column: str) -> str:
        if len(value) > KEY_LENGTH:
            raise self.error(f"{column} {quoted(value)}... is longer than {KEY_LENGTH} characters")
        key = clean_line(value, KEY_LENGTH)
        if not key:
            raise self.error(f"{column} is empty")
        return key


def read_atomic(path: Path, columns: Sequence[Column]) -> list[Row]:
    """Return the rows of the file at `path`, at least one, in file order.

    Raises `DataError` for a file that cannot be read, is empty or not UTF-8, for a header without
    a required column, and for a line with another number of fields than the header.
    """
    lines = _lines(path)
    header = next(lines, "")
    if not header.strip():
        raise DataError(f"{path.name}:1: the file is empty, or its header line is")
    positions = _positions(path.name, header, columns)
    width = header.count("\t") + 1
    rows = []
    for number, line in enumerate(lines, start=2):
        fields = line.split("\t")
        row = Row(path.name, number, {})
        if len(fields) != width:
            raise row.error(
                f"{len(fields)} field{'s' * (len(fields) != 1)} where the header names {width}"
            )
        rows.append(Row(path.name, number, {name: fields[at] for name, at in positions.items()}))
    if not rows:
        raise DataError(f"{path.name}:1: no rows after the header")
    return rows


def _lines(path: Path) -> Iterator[str]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    # Only line feeds end a line: titles may hold the other characters that splitlines() splits at.
    chunks = raw.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").split(b"\n")
    for number, chunk in enumerate(chunks, start=1):
        try:
            yield chunk.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{path.name}:{number}: not UTF-8 text") from None


def _positions(file: str, header: str, columns: Sequence[Column]) -> dict[str, int]:
    if "\t" not in header and any(mark in header for mark in ",;|"):
        raise DataError(f"{file}:1: no tab in the header {quoted(header)}: tabs separate columns")
    found: dict[str, tuple[int, str]] = {}
    for at, cell in enumerate(header.split("\t")):
        name, colon, kind = cell.strip().partition(":")
        if not colon:
            wanted = ", ".join(f"{column.name}:{column.types[0]}" for column in columns)
            raise DataError(
                f"{file}:1: header field {quoted(cell)} is not of the form name:type, "
                f"as in {wanted}"
            )
        if name in found:
            raise DataError(f"{file}:1: the header names column {quoted(name)} twice")
        found[name] = (at, kind)
    positions = {}
    for column in columns:
        names = (column.name, *column.aliases)
        present = [name for name in names if name in found]
        if present:
            at, kind = found[present[0]]
            if kind not in column.types:
                wanted = " or ".join(column.types)
                raise DataError(
                    f"{file}:1: column {present[0]} has type {quoted(kind)}, expected {wanted}"
                )
            positions[column.name] = at
        elif column.required:
            wanted = " or ".join(f"{name}:{column.types[0]}" for name in names)
            raise DataError(f"{file}:1: the header has no column {wanted}; it has: {_named(found)}")
    return positions


def _named(found: Mapping[str, tuple[int, str]]) -> str:
    more = ", …" if len(found) > _NAMED else ""
    columns = [f"{name}:{kind}" for name, (_, kind) in found.items()]
    return clean_line(", ".join(columns[:_NAMED]), KEY_LENGTH) + more
