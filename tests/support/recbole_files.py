"""Small RecBole files, and what reading them gives."""

from pathlib import Path

import pytest

from evals.datasets.reader import DataError
from evals.datasets.registry import read_dataset

ITEMS = "item_id:token\ttitle:token_seq\tcategory:token_seq\n" + "".join(
    f"{key}\tTitle {key}\tKind\n" for key in "abcdefg"
)
INTER = "user_id:token\titem_id:token\ttimestamp:float\n"
PREFIX = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
GOOD = {
    "train_inter": "u\ta\tb\n",
    "valid_inter": "u\ta b\tc\n",
    "test_inter": "u\ta b c\td\n",
}
"""Files by split that agree, without their headers."""


def write_recbole(folder: Path, **files: str) -> Path:
    """Write RecBole files of the data set `w`, by ending, into a folder."""
    for ending, content in {"item": ITEMS, **files}.items():
        (folder / f"w.{ending.replace('_', '.')}").write_text(content)
    return folder


def recbole_error(folder: Path, **files: str) -> str:
    """Return the one line by which these files are refused."""
    with pytest.raises(DataError) as error:
        read_dataset(write_recbole(folder, **files))
    message = str(error.value)
    assert "\n" not in message
    return message


def recbole_events(folder: Path, **files: str) -> list[tuple[str, str, str]]:
    """Return user, item and split of the events in these files, in order."""
    return [
        (e.user, e.item, e.split.value) for e in read_dataset(write_recbole(folder, **files)).events
    ]
