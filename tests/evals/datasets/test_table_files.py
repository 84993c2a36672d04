"""Tables of any origin: recognised and named columns, catalogues, compressions, bad rows."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evals.datasets.reader import DataError, Extent, ReadOptions
from evals.datasets.registry import read_dataset, read_with_notes

EVENTS = "user_id,item_id,timestamp\nada,a,2\nada,b,1\nbob,b,3\n"
ITEMS = "item_id,title,category\na,Alien,Horror\nb,Brazil,Comedy|Drama\n"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(path: Path, **options: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - as ReadOptions
    dataset = read_dataset(path, options=ReadOptions(**options))
    return [(event.user, event.item) for event in dataset.events]


def wrong(path: Path, **options: Any) -> str:  # noqa: ANN401 - as ReadOptions
    with pytest.raises(DataError) as error:
        pairs(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_titles_may_stand_with_the_events(tmp_path: Path) -> None:
    rows = "userId,movieId,title,genre\nu,1,,\nu,2,<i>Two</i>,War\nv,1,One,\n"
    read = read_with_notes(put(tmp_path, "views.csv", rows))
    assert [(i.key, i.title, i.category) for i in read.dataset.items] == [
        ("1", "One", ""),
        ("2", "Two", "War"),
    ]
    assert read.dataset.name == "views"
    assert read.notes == (
        "read as table: views.csv",
        "columns: user = userId, item = movieId, title = title, category = genre",
        "warning: no time column: file order is taken; --time-column names one",
    )


def test_a_catalogue_is_named_or_alone_beside_the_events(tmp_path: Path) -> None:
    events, items = put(tmp_path, "e.csv", EVENTS), put(tmp_path, "i.csv", ITEMS)
    expected = [("ada", "b"), ("ada", "a"), ("bob", "b")]
    assert pairs(events, items=items) == pairs(tmp_path) == expected
    assert wrong(events) == (
        "e.csv:1: no column for the titles, such as title, movie_title, movie_name; "
        "it has: user_id, item_id, timestamp; --title-column names it"
    )
    put(tmp_path, "more.csv", EVENTS)
    assert "not clear which of e.csv, i.csv, more.csv has the events" in wrong(tmp_path)


def test_columns_are_named_where_they_are_not_recognised(tmp_path: Path) -> None:
    rows = "wer,was,wann,wie,Titel\nu,1,2024-03-01,5,Eins\nu,2,2024-02-01T10:00:00Z,2,Zwei\n"
    path = put(tmp_path, "x.csv", rows)
    assert "no column for the users, such as user_id, user, reviewer_id; it has: wer" in wrong(path)
    named = {"user_column": "wer", "item_column": "was", "title_column": "Titel"}
    assert pairs(path, **named) == [("u", "1"), ("u", "2")]
    assert pairs(path, **named, time_column="wann") == [("u", "2"), ("u", "1")]
    assert pairs(path, **named, rating_column="wie", min_rating=3) == [("u", "1")]
    for role in ("user", "item", "time", "rating", "title", "category"):
        assert wrong(path, **{**named, f"{role}_column": "nowhere"}) == (
            f"x.csv: no column 'nowhere' as --{role}-column says; "
            "it has: wer, was, wann, wie, Titel"
        )


def test_a_column_of_the_header_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", "user_id,item_id,title,title\nu,1,a,b\n")
    assert wrong(path) == "x.csv:1: the header names column 'title' twice"


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "json", "csv.zst"])
def test_text_tables_are_read_packed_or_not(tmp_path: Path, ending: str) -> None:
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"user_id": ["u", "u"], "item_id": [1, 2], "title": ["One, é", "Two"]})
    if "csv" in ending:
        text = table.write_csv()
    elif ending == "tsv":
        text = table.write_csv(separator="\t")
    else:
        text = table.write_ndjson()
    raw = text.encode()
    if ending.endswith("gz"):
        raw = gzip.compress(raw)
    path = put(tmp_path, f"x.{ending}", raw)
    if ending.endswith("zst"):
        table.write_csv(path, compression="zstd")
    dataset = read_dataset(path)
    assert [(i.key, i.title) for i in dataset.items] == [("1", "One, é"), ("2", "Two")]
    assert dataset.name == "x"


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    moments = [datetime(2024, 1, day, tzinfo=UTC) for day in (3, 1, 2)]
    frame = pl.DataFrame(
        {
            "user": [7.0, 7.0, 8.0],
            "item": [1, 2, 2],
            "time": moments,
            "rating": [5.0, None, 4.5],
            "title": ["One", "Two", "Two"],
            "tags": [["a", "b"], [], None],
        }
    )
    path = tmp_path / "x.parquet"
    frame.write_parquet(path)
    assert pairs(path) == [("7", "2"), ("8", "2"), ("7", "1")]
    assert pairs(path, min_rating=4.5) == [("8", "2"), ("7", "1")]
    assert [item.category for item in read_dataset(path).items] == ["a; b", ""]
    path.write_bytes(path.read_bytes()[:100])
    assert wrong(path).startswith("x.parquet: not a Parquet file: ")


def test_without_polars_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    assert wrong(put(tmp_path, "x.parquet", b"PAR1")) == (
        "x.parquet: reading it needs the library polars: run `make install`, or "
        "`pip install -e '.[data]'` in the checkout"
    )
    assert pairs(put(tmp_path, "x.csv", "user,item,title\nu,1,One\n")) == [("u", "1")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("u,1,One,5\nu,2,Two\n", "x.csv:3: 3 fields where the header names 4"),
        ("u,1,One,5\n,2,Two,6\n", "x.csv:3: user_id is empty"),
        ("u,1,One,5\nu,,Two,6\n", "x.csv:3: item_id is empty"),
        ("u,1,One,\n", "x.csv:2: ts '' is neither a finite number nor an ISO date"),
        ("u,1,One,nan\n", "x.csv:2: ts 'nan' is neither a finite number nor an ISO date"),
        ("u,1,One,1/2/24\n", "x.csv:2: ts '1/2/24' is neither a finite number nor an ISO date"),
        ("u,1,One,1\nu ,2,Two,2\n",
         "x.csv:3: user_id 'u' is written in another way before (x.csv:2); "
         "spaces or invisible characters differ"),
        ("", "x.csv:1: no rows after the header"),
    ],
)  # fmt: skip
def test_bad_rows_are_named(tmp_path: Path, rows: str, message: str) -> None:
    assert wrong(put(tmp_path, "x.csv", f"user_id,item_id,title,ts\n{rows}")) == message


def test_a_key_that_is_a_list_is_named(tmp_path: Path) -> None:
    rows = '{"user_id": "u", "item_id": 1, "title": "A"}\n{"user_id": "u", "item_id": [2]}\n'
    assert wrong(put(tmp_path, "x.jsonl", rows)) == (
        "x.jsonl:2: user_id and item_id must be single values"
    )


def test_yelp_as_it_is_downloaded_is_read_with_its_businesses(tmp_path: Path) -> None:
    put(tmp_path, "user.json", '{"user_id": "u", "name": "Ann"}\n')
    reviews = put(
        tmp_path,
        "review.json",
        '{"review_id": "r", "user_id": "u", "business_id": "b", "stars": 5.0, "text": "<b>",'
        ' "date": "2018-07-07 22:09:11"}\n'
        '{"review_id": "s", "user_id": "u", "business_id": "c", "stars": 1.0, "text": "",'
        ' "date": "2012-01-03 15:28:18"}\n',
    )
    businesses = put(
        tmp_path,
        "business.json",
        '{"business_id": "b", "name": "St Honor\\u00e9", "categories": "Bakeries, Food"}\n'
        '{"business_id": "c", "name": "Bar &amp; Grill", "categories": null}\n',
    )
    read = read_with_notes(reviews, options=ReadOptions(items=businesses))
    assert [(i.title, i.category) for i in read.dataset.items] == [
        ("St Honoré", "Bakeries, Food"),
        ("Bar & Grill", ""),
    ]
    assert [event.item for event in read.dataset.events] == ["c", "b"]
    assert pairs(reviews, items=businesses, min_rating=3) == [("u", "b")]


def test_a_file_of_another_kind_beside_the_events_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "package.json", '{\n "name": "films"\n}\n')
    put(tmp_path, "empty.csv", "")
    put(tmp_path, "views.csv", "user,item,title\nu,1,One\n")
    assert pairs(tmp_path) == [("u", "1")]
    put(tmp_path, "views.csv", b"\xff,item,title\n")
    assert "no known data format; found empty.csv, package.json, views.csv" in wrong(tmp_path)
    (tmp_path / "empty.csv").unlink()
    (tmp_path / "package.json").unlink()
    assert wrong(tmp_path).startswith("views.csv:1: not UTF-8 text")


def test_ratings_are_numbers_or_missing(tmp_path: Path) -> None:
    head = "user_id,item_id,title,rating\n"
    path = put(tmp_path, "x.csv", f"{head}u,1,One,5\nu,2,Two,\nu,3,Three,NaN\nu,4,Four,3.5\n")
    assert pairs(path, min_rating=3.5) == [("u", "1"), ("u", "4")]
    assert wrong(path, min_rating=6) == (
        "x.csv: no event is left; dropped were 4 rated below 6 or not at all"
    )
    path = put(tmp_path, "x.csv", f"{head}u,1,One,5\nu,2,Two,good\n")
    assert wrong(path, min_rating=3) == "x.csv:3: rating 'good' is not a number"
    assert len(pairs(path)) == 2  # nobody asked for ratings
    path = put(tmp_path, "y.csv", "user_id,item_id,title\nu,1,One\n")
    assert "no column for the ratings, such as rating, overall, stars" in wrong(path, min_rating=3)


def test_keys_that_a_spreadsheet_made_decimal_meet_their_items(tmp_path: Path) -> None:
    events = put(tmp_path, "e.csv", "user_id,item_id\n7.0,12.0\n7.0,13.0\n8.0,12\n")
    items = put(tmp_path, "i.csv", "id,title\n12,Twelve\n13,Thirteen\n")
    assert pairs(events, items=items) == [("7", "12"), ("8", "12"), ("7", "13")]


def test_ratings_of_amazon_in_a_csv_meet_their_metadata(tmp_path: Path) -> None:
    rows = "user_id,parent_asin,rating,timestamp\nA,B1,5.0,1588687728923\nA,B2,1.0,1588687728000\n"
    events = put(tmp_path, "All_Beauty.csv", rows)
    lines = [
        f'{{"title": "T{n}", "main_category": "Beauty", "parent_asin": "B{n}"}}\n' for n in "1233"
    ]
    items = put(tmp_path, "meta_All_Beauty.jsonl.gz", gzip.compress("".join(lines).encode()))
    read = read_with_notes(events, options=ReadOptions(items=items))
    assert [item.title for item in read.dataset.items] == ["T1", "T2", "T3"]
    assert "items: 1 of 3 without an event; --catalogue used leaves them out" in read.notes
    assert (
        len(read_dataset(events, options=ReadOptions(items=items, catalogue=Extent.USED)).items)
        == 2
    )


def test_times_in_milliseconds_order_events_as_those_in_seconds_do(tmp_path: Path) -> None:
    rows = "user_id,item_id,title,timestamp\nu,1,One,{}\nu,2,Two,{}\n"
    seconds = put(tmp_path, "s.csv", rows.format(1588687729, 1588687728))
    milliseconds = put(tmp_path, "ms.csv", rows.format(1588687729000, 1.588687728e12))
    assert pairs(seconds) == pairs(milliseconds) == [("u", "2"), ("u", "1")]


def test_a_table_of_another_encoding_is_read_by_its_name(tmp_path: Path) -> None:
    rows = '"User-ID";"ISBN";"Book-Title";"Book-Rating"\n"276725";"034545104X";"Café";"0"\n'
    path = put(tmp_path, "BX.csv", rows.encode("latin-1"))
    assert wrong(path).startswith("BX.csv:2: not UTF-8 text; --encoding names another")
    dataset = read_dataset(path, options=ReadOptions(encoding="latin-1"))
    assert [(i.key, i.title) for i in dataset.items] == [("034545104X", "Café")]
    assert pairs(put(tmp_path, "u16.csv", rows.encode("utf-16"))) == [("276725", "034545104X")]
