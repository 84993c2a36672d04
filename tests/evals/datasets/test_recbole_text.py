"""Keys and titles of RecBole files: any script, bounded length, no two keys that look alike."""

import re
from pathlib import Path

import pytest

from evals.datasets.registry import read_dataset
from state.domain import TITLE_LENGTH
from tests.support.recbole_files import GOOD, INTER, ITEMS, PREFIX, recbole_error, write_recbole


@pytest.mark.parametrize("rows", ["u v\ta\t1\nu  v\tb\t2\n", "u\ta\t1\n\u202eu\tb\t2\n"])
def test_two_users_do_not_become_one(tmp_path: Path, rows: str) -> None:
    assert re.fullmatch(
        r"w\.inter:3: user_id 'u( v)?' is written in another way before \(w\.inter:2\); "
        "spaces or invisible characters differ",
        recbole_error(tmp_path, inter=INTER + rows),
    )


def test_two_users_do_not_become_one_across_split_files(tmp_path: Path) -> None:
    files = {**GOOD, "test_inter": "u\x01\ta b c\td\n"}
    assert recbole_error(tmp_path, **{name: PREFIX + rows for name, rows in files.items()}) == (
        "w.test.inter:2: user_id 'u' is written in another way before (w.train.inter:2); "
        "spaces or invisible characters differ"
    )


def test_two_items_do_not_become_one(tmp_path: Path) -> None:
    message = recbole_error(
        tmp_path, item=f"{ITEMS}a\x01\tAgain\tKind\n", inter=f"{INTER}u\ta\t1\n"
    )
    assert message == "w.item:9: item 'a' is already on line 2"


def test_keys_and_titles_of_any_script_are_read(tmp_path: Path) -> None:
    item = "item_id:token\ttitle:token_seq\n\u200fب\tหนังสือ\n😀\tTwo\x00words\n"
    inter = "user_id:token\titem_id:token\n👩‍👩‍👧\t\u200fب\n👩‍👩‍👧\t😀\n"
    read = read_dataset(write_recbole(tmp_path, item=item, inter=inter))
    assert [(i.key, i.title) for i in read.items] == [("\u200fب", "หนังสือ"), ("😀", "Two words")]
    assert [(e.user, e.item) for e in read.events] == [("👩‍👩‍👧", "\u200fب"), ("👩‍👩‍👧", "😀")]


@pytest.mark.parametrize("title", ["x" * 1_000_000, f"&#{'9' * 5_000};", "&#0;&#xD800;"])
def test_titles_without_end_or_sense_are_bounded(tmp_path: Path, title: str) -> None:
    item = f"item_id:token\ttitle:token_seq\na\t{title}\n"
    (read,) = read_dataset(write_recbole(tmp_path, item=item, inter=f"{INTER}u\ta\t1\n")).items
    assert 0 < len(read.title) <= TITLE_LENGTH
    read.title.encode()
