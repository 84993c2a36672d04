"""Every way in which an atomic file can be wrong is named with file and line."""

import os
from pathlib import Path

import pytest

from evals.datasets.atomic import Column, read_atomic
from evals.datasets.reader import DataError

ID = Column("id", ("token",))
TEXT = Column("text", ("token_seq", "token"), aliases=("words",), required=False)
TIME = Column("time", ("float",), required=False)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "x.inter"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_rows_hold_the_columns_that_were_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "skip:float\twords:token_seq\tid:token\n1\ta b\tx\n2\tc\ty\n")
    rows = read_atomic(path, (ID, TEXT))
    assert [(row.line, dict(row.values)) for row in rows] == [
        (2, {"id": "x", "text": "a b"}),
        (3, {"id": "y", "text": "c"}),
    ]


FORM = "is not of the form name:type, as in id:token, text:token_seq"


@pytest.mark.parametrize("content", ["\ufeffid:token\r\nx\r\n", "id:token\nx"])
def test_marks_and_line_ends_of_other_systems_are_read(tmp_path: Path, content: str) -> None:
    assert [row.key("id") for row in read_atomic(written(tmp_path, content), (ID,))] == ["x"]


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "id:token\ttext:token\nx\tone\u2028two\x0bthree\n")
    assert len(read_atomic(path, (ID, TEXT))) == 1


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "x.inter:1: the file is empty, or its header line is"),
        ("\n", "x.inter:1: the file is empty, or its header line is"),
        ("id:token\n", "x.inter:1: no rows after the header"),
        (
            "id\nx\n",
            f"x.inter:1: header field 'id' {FORM}",
        ),
        ("id:token\tid:token\nx\ty\n", "x.inter:1: the header names column 'id' twice"),
        ("other:token\nx\n", "x.inter:1: the header has no column id:token; it has: other:token"),
        ("id:float\n1\n", "x.inter:1: column id has type 'float', expected token"),
        (
            "id:token\twords:float\nx\t1\n",
            "x.inter:1: column words has type 'float', expected token_seq or token",
        ),
        ("id:token\ttext:token\nx\ta\ny\n", "x.inter:3: 1 field where the header names 2"),
        ("id:token\nx\ty\n", "x.inter:2: 2 fields where the header names 1"),
        ("id:token\ttext:token\n\nx\ta\n", "x.inter:2: 1 field where the header names 2"),
        ("id:token", "x.inter:1: no rows after the header"),
        ("\ufeff", "x.inter:1: the file is empty, or its header line is"),
        (
            "id:token,text:token\nx,a\n",
            "x.inter:1: no tab in the header 'id:token,text:token': tabs separate columns",
        ),
        ("id,text\nx,a\n", "x.inter:1: no tab in the header 'id,text': tabs separate columns"),
        ("id:token\rx\r", "x.inter:1: column id has type 'token x', expected token"),
        ("i\x00d:token\nx\n", "x.inter:1: the header has no column id:token; it has: i d:token"),
        (
            f"{'k' * 1_000_000}\n",
            f"x.inter:1: header field '{'k' * 60}' {FORM}",
        ),
        (b"id:token\nx\n\xff\n", "x.inter:3: not UTF-8 text"),
        (b"id:token\nx\n\xed\xa0\x80\n", "x.inter:3: not UTF-8 text"),
        ("id:token\nx\ncaf\u00e9".encode()[:-1], "x.inter:3: not UTF-8 text"),
        ("id:token\nx\n".encode("utf-16"), "x.inter:1: not UTF-8 text"),
        (b"\x1f\x8b\x08\x00\x00\xff\n", "x.inter:1: not UTF-8 text"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: str | bytes, wrong: str) -> None:
    with pytest.raises(DataError) as error:
        read_atomic(written(tmp_path, content), (ID, TEXT))
    assert str(error.value) == wrong


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.inter: cannot be read: No such file"):
        read_atomic(tmp_path / "gone.inter", (ID,))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "id:token\nx\n")
    path.chmod(0)
    with pytest.raises(DataError, match=r"x\.inter: cannot be read: Permission denied"):
        read_atomic(path, (ID,))


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("", "x.inter:2: id is empty"),
        ("  ", "x.inter:2: id is empty"),
        ("\x00", "x.inter:2: id is empty"),
        ("\u202e\x01", "x.inter:2: id is empty"),
        ("k" * 1_000_000, f"x.inter:2: id '{'k' * 60}'... is longer than 200 characters"),
        ("k" * 201, f"x.inter:2: id '{'k' * 60}'... is longer than 200 characters"),
    ],
)
def test_a_bad_key_is_refused(tmp_path: Path, value: str, wrong: str) -> None:
    (row,) = read_atomic(written(tmp_path, f"id:token\ttime:float\n{value}\t1\n"), (ID, TIME))
    with pytest.raises(DataError) as error:
        row.key("id")
    assert str(error.value) == wrong


def test_a_list_of_keys_holds_at_least_one(tmp_path: Path) -> None:
    path = written(tmp_path, "id:token\ttext:token_seq\nx\ta  b\nx\t \n")
    first, second = read_atomic(path, (ID, TEXT))
    assert first.keys("text") == ("a", "b")
    with pytest.raises(DataError, match=r"^x\.inter:3: text is empty$"):
        second.keys("text")


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "1e999", "2020-01-01"])
def test_a_number_is_finite(tmp_path: Path, value: str) -> None:
    (row,) = read_atomic(written(tmp_path, f"id:token\ttime:float\nx\t{value}\n"), (ID, TIME))
    with pytest.raises(DataError) as error:
        row.number("time")
    assert str(error.value) == f"x.inter:2: time '{value}' is not a finite number"
