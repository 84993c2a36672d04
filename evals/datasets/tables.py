"""Files as tables: named columns, and rows with their line numbers."""

import ast
import csv
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path

from evals.datasets.files import Place, endings, lines, polars
from evals.datasets.reader import DataError, ReadOptions, quoted

Row = tuple[int, Sequence[object]]
"""A line number, and the values of the columns that were asked for."""

_NAMED = 12
"""Columns of a file that an error names."""
_SAMPLED = 1_000
"""Objects of a JSON file whose fields count as its columns."""
ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
"""Files that `open_table` reads."""


class Role(StrEnum):
    """What a column is read for."""

    USER = "user"
    ITEM = "item"
    TIME = "time"
    RATING = "rating"
    TITLE = "title"
    CATEGORY = "category"


_NAMES = {
    Role.USER: "user_id user reviewer_id customer_id visitor_id member_id anonymous_user_id "
    "session_id sess_id uid user_name",
    Role.ITEM: "item_id item parent_asin asin movie_id film_id book_id isbn product_id business_id "
    "venue_id track_id song_id artist_id album_id anime_id app_id article_id news_id gmap_id",
    Role.TIME: "timestamp time date datetime unix_review_time created_at event_time unix_time ts "
    "review_date transaction_date",
    Role.RATING: "rating overall stars score ratings star_rating book_rating review_rating label",
    Role.TITLE: "title movie_title movie_name book_title product_title item_title item_name "
    "product_name app_name song_name track_name name",
    Role.CATEGORY: "categories category genres genre class item_category product_category "
    "sub_category venue_category_name product_subclass tags tag_value main_category main_cat",
}
"""Names that are recognised, the likeliest first; case, `_`, `-` and spaces do not count."""


@dataclass(frozen=True)
class DataTable:
    """A file with named columns."""

    file: str
    columns: tuple[str, ...]
    select: Callable[[Sequence[str]], Iterator[Row]]
    """Read the file and yield these columns of every row; null is None."""

    def find(self, role: Role, options: ReadOptions, *more: str) -> list[str]:
        """Return the columns for `role`, the likeliest first: the named one, or all it may be.

        `more` are names that this table's column may have besides the usual ones.

        Raises `DataError` for a named column that is not there or is there twice.
        """
        named: str | None = getattr(options, f"{role}_column")
        if named is not None and named not in self.columns:
            raise DataError(
                f"{self.file}: no column {quoted(named)} as --{role}-column says; "
                f"it has: {self._listed()}"
            )
        present = {_plain(column): column for column in reversed(self.columns)}
        known = map(_plain, (*_NAMES[role].split(), *more))
        found = [present[name] for name in known if name in present] if named is None else [named]
        if found and self.columns.count(found[0]) > 1:
            raise DataError(f"{self.file}:1: the header names column {quoted(found[0])} twice")
        return found

    def require(self, role: Role, options: ReadOptions, *more: str) -> str:
        """Return the likeliest column for `role`; a `DataError` where there is none."""
        found = self.find(role, options, *more)
        if not found:
            known = ", ".join(_NAMES[role].split()[:3])
            raise DataError(
                f"{self.file}:1: no column for the {role}s, such as {known}; it has: "
                f"{self._listed()}; --{role}-column names it"
            )
        return found[0]

    def _listed(self) -> str:
        names = ", ".join(quoted(column)[1:-1] for column in self.columns[:_NAMED])
        return names + ", …" * (len(self.columns) > _NAMED)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def open_table(path: Place, encoding: str | None = None) -> DataTable:
    """Return the CSV, TSV, JSON, JSON Lines or Parquet file at `path` as a table."""
    ending = endings(path.name)[1]
    if ending == ".parquet":
        return parquet(path)
    if ending in (".json", ".jsonl", ".ndjson"):
        return json_objects(path, encoding)
    if ending in ENDINGS:
        return delimited(path, encoding=encoding)
    raise DataError(f"{path.name}: not a table; accepted are {', '.join(ENDINGS)}, .gz and .zst")


def open_tables(
    paths: Sequence[Place], encoding: str | None = None
) -> tuple[list[DataTable], list[DataError]]:
    """Return the tables among files, and what is wrong with the others."""
    tables, errors = [], []
    for path in paths:
        try:
            tables.append(open_table(path, encoding))
        except DataError as error:
            errors.append(error)
    return tables, errors


def delimited(
    path: Place,
    *,
    separator: str | None = None,
    columns: Sequence[str] = (),
    quoting: bool = True,
    encoding: str | None = None,
) -> DataTable:
    """Return a file with separated fields as a table.

    Without `separator`, it is the most frequent of comma, semicolon, tab and bar in the first
    line; without `columns`, that line names them.

    Raises `DataError` for an empty file; reading rows raises it for one with another number of
    fields than the header, and for wrong quotation marks.
    """
    first = next(lines(path, encoding), "")
    if not first.strip():
        raise DataError(f"{path.name}:1: the file is empty, or its header line is")
    mark = separator or max("\t,;|", key=first.count)
    header = list(columns) or next(_fields(path, mark, quoting, encoding))[1]
    names = tuple(name.strip() for name in header)

    def select(wanted: Sequence[str]) -> Iterator[Row]:
        places = [names.index(name) for name in wanted]
        for line, fields in _fields(path, mark, quoting, encoding):
            if len(fields) != len(names):
                raise DataError(
                    f"{path.name}:{line}: {len(fields)} field{'s' * (len(fields) != 1)} where the "
                    f"header names {len(names)}"
                )
            if fields != header:  # it is repeated where files were joined
                yield line, [fields[place] for place in places]

    return DataTable(path.name, names, select)


def _fields(
    path: Place, separator: str, quoting: bool, encoding: str | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the fields of each row."""
    text = lines(path, encoding)
    if not quoting:
        empty: list[int] = []
        for number, line in enumerate(text, start=1):
            if row := line.removesuffix("\n").removesuffix("\r"):
                yield from ((at, [""]) for at in empty)  # not at the end of the file
                yield number, row.split(separator)
                empty = []
            else:
                empty.append(number)
        return
    reader, number = csv.reader(text, delimiter=separator, strict=True), 1
    try:
        for fields in reader:
            if fields:
                yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path.name}:{number}: {error}; is a quotation mark missing or left over?"
        ) from None


def json_objects(path: Place, encoding: str | None = None) -> DataTable:
    """Return a file with one JSON object a line, or with a list of objects, as a table.

    A line may also be a Python literal, as in Amazon's files of 2014.
    """
    sampled = islice(_objects(path, encoding), _SAMPLED)
    known = dict.fromkeys(chain.from_iterable(found for _, found in sampled))
    if not known:
        raise DataError(f"{path.name}:1: the file is empty")

    def select(names: Sequence[str]) -> Iterator[Row]:
        for line, found in _objects(path, encoding):
            yield line, [found.get(name) for name in names]

    return DataTable(path.name, tuple(known), select)


def _objects(path: Place, encoding: str | None) -> Iterator[tuple[int, dict[str, object]]]:
    text = lines(path, encoding)
    for number, line in enumerate(text, start=1):
        if number == 1 and line.lstrip().startswith("["):
            whole = _parse(path.name, 1, line + "".join(text))
            found: Iterable[tuple[int, object]] = (
                enumerate(whole, 1) if isinstance(whole, list) else ()
            )
        else:
            found = [(number, _parse(path.name, number, line))] if line.strip() else ()
        for at, entry in found:
            if not isinstance(entry, dict):
                raise DataError(f"{path.name}:{at}: not a JSON object: {quoted(line)}")
            yield at, entry


def _parse(file: str, line: int, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        wrong = error
    try:
        with warnings.catch_warnings(action="ignore"):  # wrong escapes
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise DataError(f"{file}:{line}: not a JSON object: {wrong}") from None


def parquet(path: Place) -> DataTable:
    """Return a Parquet file as a table; rows are numbered from 1."""
    pl = polars(path.name)
    source = str(path) if isinstance(path, Path) else path.read_bytes()
    try:
        columns = tuple(pl.read_parquet_schema(source))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path.name}: not a Parquet file: {error}") from error

    def select(names: Sequence[str]) -> Iterator[Row]:
        frame = pl.read_parquet(source, columns=list(names)).select(names)
        yield from enumerate(frame.iter_rows(), start=1)

    return DataTable(path.name, columns, select)
