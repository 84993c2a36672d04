"""Figures printed elsewhere, shown in a column of their own; nothing is computed from them."""

import csv
from collections.abc import Collection, Mapping
from pathlib import Path

from evals.tables import COMPARED_AT
from state.errors import InputError

NAME, FIGURE = "name", f"NDCG@{COMPARED_AT}"


def read_printed(path: Path) -> Mapping[str, float]:
    """Return NDCG@10 by row from a CSV file with the columns `name` and `NDCG@10`.

    Raises:
        InputError: it cannot be read, or a value is not a number from 0 to 1.
    """
    printed = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if not {NAME, FIGURE} <= set(lines.fieldnames or ()):
                raise InputError(f"{path}: its first line has to name the columns {NAME},{FIGURE}")
            for line in lines:
                try:
                    value = float(line[FIGURE] or "")
                except ValueError:
                    value = -1.0
                if not 0 <= value <= 1:
                    raise InputError(
                        f"{path}, line {lines.line_num}: {FIGURE} is a number from 0 to 1, not "
                        f"{line[FIGURE]!r}"
                    )
                printed[line[NAME]] = value
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}") from None
    return printed


def require_rows(printed: Collection[str], rows: Collection[str]) -> None:
    """Refuse figures for rows that the table does not have.

    Raises:
        InputError: one of them is not a row.
    """
    for name in printed:
        if name not in rows:
            raise InputError(f"{name!r} is not a row of this table; its rows are {', '.join(rows)}")


def with_printed(rows: list[list[str]], printed: Mapping[str, float]) -> list[list[str]]:
    """Return rows with the printed figures in a last column, if there are any."""
    if not printed:
        return rows
    header, *lines = rows
    added = [[*line, f"{printed[line[0]]:.3f}" if line[0] in printed else ""] for line in lines]
    return [[*header, "printed elsewhere, not comparable"], *added]
