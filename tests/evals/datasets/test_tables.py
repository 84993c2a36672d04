"""Every way in which a text file can be wrong is named with file and line."""

import gzip
import os
from pathlib import Path

import pytest

from evals.datasets.events import clean_key, key_text
from evals.datasets.files import lines
from evals.datasets.reader import DataError
from evals.datasets.tables import DataTable, Row, delimited, json_objects

NOT_TEXT = "not UTF-8 text; --encoding names another, as latin-1"
CUT_OFF = "the compressed file is damaged or cut off; get it again"


def written(folder: Path, content: str | bytes, name: str = "x.inter") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def atomic(path: Path) -> DataTable:
    return delimited(path, quoting=False)


def rows(table: DataTable, *columns: str) -> list[Row]:
    return list(table.select(columns))


def error(table_of: Path, *columns: str) -> str:
    with pytest.raises(DataError) as raised:
        rows(atomic(table_of), *columns)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_rows_hold_the_columns_that_were_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "skip\twords\tid\n1\ta b\tx\n2\tc\ty\n")
    assert rows(atomic(path), "id", "words") == [(2, ["x", "a b"]), (3, ["y", "c"])]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffid\ttext\r\nx\ty\r\n",
        "id\ttext\nx\ty",
        "id\ttext\nx\ty\n\n\r\n",
        "id\ttext\nx\ty\n".encode("utf-16"),
        gzip.compress("\ufeffid\ttext\nx\ty\n".encode()),
    ],
    ids=["mark", "no last line feed", "empty lines at the end", "utf-16", "gzip with mark"],
)
def test_marks_and_line_ends_of_other_systems_are_read(
    tmp_path: Path, content: str | bytes
) -> None:
    assert rows(atomic(written(tmp_path, content)), "id", "text") == [(2, ["x", "y"])]


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "id\ttext\nx\tone\u2028two\x0bthree\n")
    assert rows(atomic(path), "text") == [(2, ["one\u2028two\x0bthree"])]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "x.inter:1: the file is empty, or its header line is"),
        ("\n", "x.inter:1: the file is empty, or its header line is"),
        ("\ufeff", "x.inter:1: the file is empty, or its header line is"),
        ("id\ttext\nx\ta\ny\n", "x.inter:3: 1 field where the header names 2"),
        ("id\ttext\nx\ty\tz\n", "x.inter:2: 3 fields where the header names 2"),
        ("id\ttext\n\nx\ta\n", "x.inter:2: 1 field where the header names 2"),
        (b"id\nx\n\xff\n", f"x.inter:3: {NOT_TEXT}"),
        (
            b"id\nx\n\xed\xa0\x80\n",
            f"x.inter:3: {NOT_TEXT}",
        ),
        (
            "id\nx\ncaf\u00e9".encode()[:-1],
            f"x.inter:3: {NOT_TEXT}",
        ),
        (
            gzip.compress(b"id\n" + b"x\n" * 9)[:-9],
            f"x.inter:1: {CUT_OFF}",
        ),
        (
            b"\x1f\x8b\x08\x00\x00\xff\n",
            f"x.inter:1: {CUT_OFF}",
        ),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: str | bytes, wrong: str) -> None:
    assert error(written(tmp_path, content), "id") == wrong


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert error(tmp_path / "gone.inter").startswith("gone.inter: cannot be read: No such file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "id\nx\n")
    path.chmod(0)
    assert error(path) == "x.inter: cannot be read: Permission denied"


def test_an_encoding_is_given_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, "café\n".encode("latin-1"))
    assert list(lines(path, "latin-1")) == ["café\n"]
    with pytest.raises(DataError, match=r"^--encoding utf8000: there is no such encoding$"):
        list(lines(path, "utf8000"))


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("", "id is empty"),
        ("  ", "id is empty"),
        ("\x00", "id is empty"),
        ("\u202e\x01", "id is empty"),
        ("k" * 1_000_000, f"id '{'k' * 60}'... is longer than 200 characters"),
        ("k" * 201, f"id '{'k' * 60}'... is longer than 200 characters"),
    ],
)
def test_a_bad_key_is_refused(value: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        clean_key(key_text(value), "id")
    assert str(raised.value) == wrong


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (12, "12"),
        (12.0, "12"),
        ("12.0", "12"),
        ("12.50", "12.50"),
        ("1.0.0", "1.0.0"),
        ("v1.0", "v1.0"),
        ("0012", "0012"),
        (float("nan"), ""),
        (None, ""),
    ],
)
def test_numbers_that_a_spreadsheet_wrote_are_the_keys_they_were(value: object, key: str) -> None:
    assert key_text(value) == key


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ('a,b\n1,"two\nlines"\n3,4\n', [(2, ["two\nlines"]), (4, ["4"])]),
        ("a;b\n1;2,5\n", [(2, ["2,5"])]),
        ("a|b\n1|2\n", [(2, ["2"])]),
        ("a, b \n1,2\n\n3,4\n", [(2, ["2"]), (4, ["4"])]),
        ('a,b\n1,"say ""hi"""\n', [(2, ['say "hi"'])]),
        ("a,b\n1,2\na,b\n3,4\n", [(2, ["2"]), (4, ["4"])]),
        ("b\n1\n", [(2, ["1"])]),
    ],
    ids=[
        "line feed in quotes",
        "semicolon",
        "bar",
        "blanks",
        "quotes",
        "header again",
        "one column",
    ],
)
def test_csv_as_people_have_it(tmp_path: Path, content: str, read: list[Row]) -> None:
    assert rows(delimited(written(tmp_path, content, "x.csv")), "b") == read


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', "x.csv:3: unexpected end of data; is a quotation mark missing"),
        ('a,b\n1,"2"x\n', "x.csv:2: ',' expected after '\"'; is a quotation mark missing"),
        ('a,b\n1,"two\nlines"\n3\n', "x.csv:4: 1 field where the header names 2"),
    ],
)
def test_bad_csv_is_refused_with_its_line(tmp_path: Path, content: str, wrong: str) -> None:
    with pytest.raises(DataError) as raised:
        rows(delimited(written(tmp_path, content, "x.csv")), "b")
    assert str(raised.value).startswith(wrong)


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1, "b": [["x"]]}\n\n{"b": null}\n',
        '[{"a": 1, "b": [["x"]]},\n {"b": null}]',
        "{'a': 1, 'b': [['x']]}\n\n{'b': None}\n",
    ],
    ids=["lines", "a list", "Python literals"],
)
def test_objects_are_rows(tmp_path: Path, content: str) -> None:
    table = json_objects(written(tmp_path, content, "x.json"))
    assert table.columns == ("a", "b")
    assert [row for _, row in table.select(["b", "a"])] == [[[["x"]], 1], [None, None]]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "x.json:1: the file is empty"),
        ('{"a": 1}\n{"a": \n', "x.json:2: not a JSON object: "),
        ('{"a": 1}\n7\n', "x.json:2: not a JSON object: "),
        ("{\n", "x.json:1: not a JSON object: "),
        ("__import__('os')\n", "x.json:1: not a JSON object: "),
    ],
)
def test_what_is_no_object_is_refused(tmp_path: Path, content: str, wrong: str) -> None:
    with pytest.raises(DataError) as raised:
        rows(json_objects(written(tmp_path, content, "x.json")), "a")
    assert str(raised.value).startswith(wrong)
