"""Amazon's reviews as McAuley's group publishes them: 2014, 2018 and 2023.

Reviews and metadata are files with one object a line, of Python literals in 2014, else of JSON. A
title comes from the metadata only: that of a review is the review's own.
"""

import re
from dataclasses import replace

from evals.datasets.assembly import FileReader, Found
from evals.datasets.files import Place, Source, endings
from evals.datasets.reader import DataError, Extent, ReadOptions
from evals.datasets.tables import DataTable, open_tables

_ENDINGS = (".json", ".jsonl")
_ITEM = {"asin", "parent_asin"}
_USER = {"reviewerID", "user_id"}
_AFFIX = re.compile(r"^(reviews_|meta_)|(_\d+)$", re.IGNORECASE)
"""What is not the category in `reviews_CDs_and_Vinyl_5` and `meta_CDs_and_Vinyl`."""


class AmazonReader(FileReader):
    """Reads a file of reviews with the metadata beside it, or a folder with both.

    Items are those with an event; of an item that is listed twice the first entry counts.
    """

    name = "amazon"
    accepts = "a file of reviews and one of metadata, .json or .jsonl, also .gz"

    def find(self, source: Source, options: ReadOptions) -> Found | None:
        """Return the reviews and the metadata; None where no file has reviews."""
        tables, _ = open_tables(source.ending(*_ENDINGS), options.encoding)
        reviews = [table for table in tables if _is_review(table)]
        if not reviews:
            return None
        if len(reviews) > 1:
            names = ", ".join(table.file for table in reviews)
            raise DataError(
                f"{source.name}: several files of reviews, {names}; give the path of one"
            )
        beside = replace(source, chosen=None).ending(*_ENDINGS)
        return Found(
            name=_category(reviews[0]),
            events=reviews[0],
            items=None if options.items else _metadata(reviews[0], beside, options),
            catalogue=Extent.USED,
            repeated_items=True,
        )


def _is_review(table: DataTable) -> bool:
    return bool(_ITEM.intersection(table.columns) and _USER.intersection(table.columns))


def _category(table: DataTable) -> str:
    """Return the category that a file's name tells: reviews and metadata differ by an affix."""
    return _AFFIX.sub("", _AFFIX.sub("", endings(table.file)[0]))


def _metadata(reviews: DataTable, beside: list[Place], options: ReadOptions) -> DataTable:
    """Return the metadata of these reviews: of the same category, or the only ones."""
    tables, errors = open_tables(beside, options.encoding)
    listed = [
        table
        for table in tables
        if "title" in table.columns and _ITEM.intersection(table.columns) and not _is_review(table)
    ]
    same = [table for table in listed if _category(table) == _category(reviews)]
    for fitting in (same, listed):
        if len(fitting) == 1:
            return fitting[0]
    if errors:
        raise errors[0]
    found = ", ".join(table.file for table in listed) or "none"
    raise DataError(
        f"{reviews.file}: one file of metadata is needed beside it, as meta_{_category(reviews)}"
        f".jsonl.gz, for the titles; found {found}; --items FILE names one"
    )
