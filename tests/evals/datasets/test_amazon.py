"""Amazon's reviews of 2014, 2018 and 2023 with their metadata, as they are published."""

import gzip
import json
from pathlib import Path

import pytest

from evals.datasets.reader import DataError, Extent, Keep, ReadOptions
from evals.datasets.registry import read_dataset, read_with_notes

REVIEWS_2014 = (
    {"reviewerID": "A1", "asin": "B1", "reviewerName": "J", "helpful": [0, 0], "reviewText": "x",
     "overall": 5.0, "summary": "Fine", "unixReviewTime": 1252800002, "reviewTime": "09 13, 2009"},
    {"reviewerID": "A1", "asin": "B2", "overall": 2.0, "unixReviewTime": 1252800001},
    {"reviewerID": "A1", "asin": "B3", "overall": 4.0, "unixReviewTime": 1252800003},
)  # fmt: skip
META_2014 = (
    {"asin": "B1", "title": "Tom &amp; Jerry", "price": 9.99, "salesRank": {"Music": 5},
     "related": {"also_bought": ["B9"]}, "categories": [["CDs & Vinyl", "Pop"], ["Rock"]]},
    {"asin": "B2", "title": "It's \"Live\"", "categories": [["CDs & Vinyl"]]},
    {"asin": "B3", "categories": [["CDs & Vinyl"]]},
    {"asin": "B9", "title": "Never reviewed", "categories": []},
)  # fmt: skip
REVIEWS_2023 = tuple(
    {"rating": rating, "title": "The best!", "text": "<br />", "images": [], "asin": f"{item}-RED",
     "parent_asin": item, "user_id": user, "timestamp": time, "helpful_vote": 0}
    for user, item, rating, time in (
        ("AE1", "B1", 5.0, 1588687728923), ("AE1", "B2", 1.0, 1588687728000),
        ("AE1", "B3", 4.0, 1588687729000), ("AE2", "B3", 4.0, 1588687720000),
    )
)  # fmt: skip
META_2023 = (
    {"main_category": "All Beauty", "title": "Comb <b>set</b>", "price": "from 5.99",
     "categories": [], "parent_asin": "B1", "details": {}},
    {"main_category": "All Beauty", "title": "Brush", "categories": ["Hair", "Care"],
     "parent_asin": "B2"},
    {"main_category": None, "title": None, "categories": None, "parent_asin": "B3"},
    {"main_category": "All Beauty", "title": "Comb again", "parent_asin": "B1"},
)  # fmt: skip


def write(path: Path, *objects: object, literals: bool = False) -> Path:
    text = "".join(f"{o!r}\n" if literals else f"{json.dumps(o)}\n" for o in objects)
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("of_file", [False, True])
def test_2014_is_read(tmp_path: Path, of_file: bool) -> None:
    reviews = write(tmp_path / "reviews_CDs_and_Vinyl_5.json.gz", *REVIEWS_2014)
    write(tmp_path / "meta_CDs_and_Vinyl.json.gz", *META_2014, literals=True)
    read = read_with_notes(reviews if of_file else tmp_path)
    assert read.dataset.name == "CDs_and_Vinyl"
    assert [(i.key, i.title, i.category) for i in read.dataset.items] == [
        ("B1", "Tom & Jerry", "CDs & Vinyl; Pop; Rock"),
        ("B2", 'It\'s "Live"', "CDs & Vinyl"),
        ("B3", "B3", "CDs & Vinyl"),
    ]
    assert [event.item for event in read.dataset.events] == ["B2", "B1", "B3"]
    assert read.notes == (
        "read as amazon: reviews_CDs_and_Vinyl_5.json.gz and meta_CDs_and_Vinyl.json.gz",
        "columns: user = reviewerID, item = asin, time = unixReviewTime, title = title, "
        "category = categories",
        "items: the 3 of 4 with an event; --catalogue whole takes all",
        "warning: the ratings in column overall are not used, so low ones count as likes; "
        "--min-rating X drops events rated below X",
        "warning: 1 of 3 items have no title but their key",
    )


def test_2018_is_read_without_its_scripts(tmp_path: Path) -> None:
    write(tmp_path / "All_Beauty.json", *REVIEWS_2014)
    script = "var aPageStart = (new Date()).getTime();\nvar ue_t0=ue_t0||+new Date();"
    metadata = [
        {
            "category": ["Beauty", "</span></span>"],
            "title": script,
            "main_cat": "<img src='x'",
            "asin": "B1",
        },
        {
            "category": [],
            "title": '<span id="t" class="a-size',
            "main_cat": "All Beauty",
            "asin": "B2",
        },
        {"category": ["Beauty"], "title": "Soap", "main_cat": "", "asin": "B3"},
        {"category": ["Beauty"], "title": "Soap", "main_cat": "", "asin": "B3"},
    ]
    write(tmp_path / "meta_All_Beauty.json", *metadata)
    items = read_dataset(tmp_path).items
    assert [(i.title, i.category) for i in items] == [
        ("B1", "Beauty"),
        ("B2", "All Beauty"),
        ("Soap", "Beauty"),
    ]


def test_2023_is_read_with_the_titles_of_its_items(tmp_path: Path) -> None:
    reviews = write(tmp_path / "All_Beauty.jsonl.gz", *REVIEWS_2023)
    write(tmp_path / "meta_All_Beauty.jsonl.gz", *META_2023)
    write(tmp_path / "meta_Gift_Cards.jsonl.gz", *META_2023)
    dataset = read_dataset(reviews)
    assert [(i.key, i.title, i.category) for i in dataset.items] == [
        ("B1", "Comb set", "All Beauty"),
        ("B2", "Brush", "Hair; Care"),
        ("B3", "B3", ""),
    ]
    assert [(e.user, e.item) for e in dataset.events] == [
        ("AE2", "B3"),
        ("AE1", "B2"),
        ("AE1", "B1"),
        ("AE1", "B3"),
    ]
    liked = read_dataset(reviews, options=ReadOptions(min_rating=4, catalogue=Extent.WHOLE))
    assert (len(liked.items), len(liked.events)) == (3, 3)


def test_a_user_who_reviews_two_colours_needs_a_choice(tmp_path: Path) -> None:
    again = {**REVIEWS_2023[0], "asin": "B1-BLUE", "timestamp": 1588687730000}
    write(tmp_path / "All_Beauty.jsonl", *REVIEWS_2023, again)
    write(tmp_path / "meta_All_Beauty.jsonl", *META_2023)
    with pytest.raises(DataError, match=r"All_Beauty\.jsonl:5: user 'AE1' already has item 'B1'"):
        read_dataset(tmp_path)
    events = read_dataset(tmp_path, options=ReadOptions(keep=Keep.LAST)).events
    assert [event.item for event in events if event.user == "AE1"] == ["B2", "B3", "B1"]
    events = read_dataset(tmp_path, options=ReadOptions(keep=Keep.FIRST)).events
    assert [event.item for event in events if event.user == "AE1"] == ["B2", "B1", "B3"]


def test_reviews_without_metadata_say_what_is_missing(tmp_path: Path) -> None:
    reviews = write(tmp_path / "Gift_Cards.jsonl.gz", *REVIEWS_2023)
    with pytest.raises(DataError) as error:
        read_dataset(tmp_path)
    assert str(error.value) == (
        "Gift_Cards.jsonl.gz: one file of metadata is needed beside it, as "
        "meta_Gift_Cards.jsonl.gz, for the titles; found none; --items FILE names one"
    )
    elsewhere = tmp_path / "meta"
    elsewhere.mkdir()
    meta = write(elsewhere / "meta_Gift_Cards.jsonl", *META_2023)
    assert len(read_dataset(reviews, options=ReadOptions(items=meta)).items) == 3


def test_several_files_of_reviews_need_a_choice(tmp_path: Path) -> None:
    for name in ("A.jsonl", "B.jsonl"):
        write(tmp_path / name, *REVIEWS_2023)
    with pytest.raises(
        DataError, match=r"several files of reviews, A\.jsonl, B\.jsonl; give the path"
    ):
        read_dataset(tmp_path)


def test_a_download_that_was_cut_off_is_named(tmp_path: Path) -> None:
    reviews = write(tmp_path / "All_Beauty.jsonl.gz", *REVIEWS_2023 * 2000)
    write(tmp_path / "meta_All_Beauty.jsonl.gz", *META_2023)
    reviews.write_bytes(reviews.read_bytes()[:-2000])
    with pytest.raises(
        DataError, match=r"^All_Beauty\.jsonl\.gz:\d+: the compressed file is damaged"
    ):
        read_dataset(reviews)
