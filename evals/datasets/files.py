"""Files of a data set, in a folder or a zip archive, as decoded lines."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

from evals.datasets.reader import DataError

Place = Path | zipfile.Path

_NAMED = 5
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)


@dataclass(frozen=True)
class Source:
    """The files that a path leads to."""

    name: str
    """Of the path, without its endings."""
    files: dict[str, Place]
    """The files of the folder or archive, by name, in order."""
    chosen: str | None = None
    """The one that the path names, if it names a file; the others are beside it."""

    def listed(self) -> str:
        """Return the first names of files, for an error."""
        names = [self.chosen] if self.chosen else list(self.files)
        more = ", …" if len(names) > _NAMED else ""
        return ", ".join(names[:_NAMED]) + more if names else "an empty folder"

    def ending(self, *ends: str) -> list[Place]:
        """Return the files with one of these endings, of those that the path names."""
        names = [self.chosen] if self.chosen else list(self.files)
        return [self.files[name] for name in names if endings(name)[1] in ends]


def open_source(path: str) -> Source:
    """Return the files at a path: a folder, a zip archive, or a file with those beside it.

    A folder that is alone in another one is entered, as archives have it.

    Raises `DataError` where there is nothing, or it cannot be read.
    """
    root = Path(path)
    try:
        root.stat()
        if root.is_dir():
            return Source(root.resolve().name, _listed(root))
        if root.suffix.lower() == ".zip":
            return Source(root.stem, _listed(zipfile.Path(root)))
        return Source(endings(root.name)[0], _entries(root.parent), root.name)
    except FileNotFoundError:
        raise DataError(f"{path}: no such folder or file") from None
    except zipfile.BadZipFile:
        raise DataError(f"{path}: not a zip archive, or a damaged one") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _listed(root: Place) -> dict[str, Place]:
    entries = _entries(root)
    inner = [entry for entry in entries.values() if entry.is_dir() and entry.name != "__MACOSX"]
    alone = len(inner) == 1 and len(entries) - len(inner) == ("__MACOSX" in entries)
    return _listed(inner[0]) if alone else entries


def _entries(root: Place) -> dict[str, Place]:
    shown = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
    return {entry.name: entry for entry in sorted(shown, key=lambda entry: entry.name)}


def endings(name: str) -> tuple[str, str]:
    """Return a file's name without its endings, and the ending that tells its format.

    The ending is in lower case; those of compression do not count: `x.csv.gz` is `x` and `.csv`.
    """
    for compressed in (".gz", ".zst"):
        name = name[: -len(compressed)] if name.lower().endswith(compressed) else name
    path = Path(name)
    return path.stem, path.suffix.lower()


def lines(path: Place, encoding: str | None = None) -> Iterator[str]:
    """Yield the lines of a text file with their ends; gzip and zstd are unpacked.

    Only line feeds end a line: titles may hold other characters that `splitlines` splits at.

    Raises `DataError` with the line number for bytes that are not text, and for a compressed file
    that is damaged or cut off.
    """
    number = 0
    codec = encoding or "utf-8"
    try:
        with _opened(path) as raw:
            head = raw.peek(4)
            if head.startswith(_ZSTD):
                yield from _zstd_lines(path)
            elif head.startswith(_UTF16_MARKS):
                codec, number = "utf-16", 1
                yield from io.StringIO(raw.read().decode(codec), newline="\n")
            else:
                for row in raw:
                    number += 1
                    mark = _UTF8_MARK if number == 1 and codec == "utf-8" else b""
                    yield row.removeprefix(mark).decode(codec)
    except UnicodeError:
        raise DataError(
            f"{path.name}:{number}: not {codec.upper()} text; --encoding names another, as latin-1"
        ) from None
    except LookupError:
        raise DataError(f"--encoding {encoding}: there is no such encoding") from None
    except _DAMAGED:
        raise DataError(
            f"{path.name}:{number + 1}: the compressed file is damaged or cut off; get it again"
        ) from None


@contextmanager
def _opened(path: Place) -> Iterator[io.BufferedReader]:
    try:
        raw = cast("io.BufferedReader", path.open("rb"))
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read: {error.strerror}") from error
    except RuntimeError:
        raise DataError(f"{path.name}: the archive has a password; unpack it first") from None
    with raw:
        if raw.peek(2).startswith(_GZIP):
            unpacked = gzip.GzipFile(fileobj=raw)
            yield io.BufferedReader(cast("io.RawIOBase", unpacked), 1 << 16)
        else:
            yield raw


def _zstd_lines(path: Place) -> Iterator[str]:
    pl = polars(path.name)
    try:
        with _opened(path) as raw:
            for line in pl.read_lines(raw.read())["line"]:
                yield f"{line}\n"
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path.name}: cannot be unpacked: {error}") from error


def polars(file: str) -> ModuleType:
    """Return polars, which reads Parquet and zstd; a `DataError` says how to install it."""
    try:
        import polars as pl  # noqa: PLC0415 - an extra
    except ImportError:
        raise DataError(
            f"{file}: reading it needs the library polars: run `make install`, or "
            "`pip install -e '.[data]'` in the checkout"
        ) from None
    return pl
