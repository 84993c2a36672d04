"""Both forms of RecBole files become the same kind of data set, or a one-line error."""

from collections import Counter
from pathlib import Path

import pytest

from evals.datasets.reader import DataError
from evals.datasets.registry import SAMPLE, read_dataset
from state.dataset import Split
from tests.support.paths import CDS
from tests.support.recbole_files import (
    GOOD,
    INTER,
    ITEMS,
    PREFIX,
    recbole_error,
    recbole_events,
    write_recbole,
)


def test_events_come_in_order_of_time_with_ties_as_in_the_file(tmp_path: Path) -> None:
    assert recbole_events(
        tmp_path, inter=f"{INTER}u\ta\t9\nv\tb\t5\nu\tc\t1e0\nv\td\t5\nu\te\t5\n"
    ) == [
        ("u", "c", "first"),
        ("v", "b", "first"),
        ("v", "d", "test"),
        ("u", "e", "valid"),
        ("u", "a", "test"),
    ]


def test_without_times_events_come_round_robin(tmp_path: Path) -> None:
    inter = "item_id:token\trating:float\tuser_id:token\na\t1\tv\nb\t1\tv\nc\t1\tu\nd\t1\tv\n"
    assert recbole_events(tmp_path, inter=inter) == [
        ("v", "a", "first"),
        ("u", "c", "first"),
        ("v", "b", "valid"),
        ("v", "d", "test"),
    ]


def test_the_split_form_comes_round_robin_in_user_file_order(tmp_path: Path) -> None:
    files = {
        "train_inter": f"{PREFIX}v\ta b\tc\nv\ta\tb\n",  # rows of a user in any order
        "valid_inter": f"{PREFIX}u\tc\ta\nv\ta b c\td\n",
        "test_inter": f"{PREFIX}v\ta b c d\te\nu\tc a\tg\nt\ta\tb\n",
    }
    assert recbole_events(tmp_path, **files) == [
        ("v", "a", "first"),
        ("u", "c", "first"),
        ("t", "a", "first"),
        ("v", "b", "train"),
        ("u", "a", "valid"),
        ("t", "b", "test"),
        ("v", "c", "train"),
        ("u", "g", "test"),
        ("v", "d", "valid"),
        ("v", "e", "test"),
    ]


def test_catalogue_names_and_entities(tmp_path: Path) -> None:
    item = (
        "movie_title:token_seq\titem_id:token\tprice:float\tgenre:token\n"
        "Rock &amp; R&#39;s\ta\t1\tA&amp;B\n"
    )
    read = read_dataset(write_recbole(tmp_path, item=item, inter=f"{INTER}u\ta\t1\n"))
    assert (read.name, read.domain) == ("w", "items")
    assert [(i.key, i.title, i.category) for i in read.items] == [("a", "Rock & R's", "A&B")]
    assert read_dataset(tmp_path, name="mine", domain="films").model_dump(
        include={"name", "domain"}
    ) == {"name": "mine", "domain": "films"}


def test_a_category_is_optional_and_unread_items_stay(tmp_path: Path) -> None:
    item = "item_id:token\ttitle:token_seq\na\tA\nb\t\n"
    read = read_dataset(write_recbole(tmp_path, item=item, inter=f"{INTER}u\ta\t1\n"))
    assert [(i.key, i.category) for i in read.items] == [("a", ""), ("b", "")]


def test_an_item_without_a_title_goes_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "w.item").write_text("item_id:token\ttitle:token_seq\na\t \nb\tB\n\n")
    (tmp_path / "w.inter").write_text("user_id:token\titem_id:token\nu\ta\nu\tb\n\n\n")
    dataset = read_dataset(tmp_path)
    assert [item.title for item in dataset.items] == ["a", "B"]
    assert len(dataset.events) == 2  # the empty lines at the end are none


def test_bad_items_are_refused(tmp_path: Path) -> None:
    inter = f"{INTER}u\ta\t1\n"
    assert recbole_error(tmp_path, item=f"{ITEMS}a\tAgain\tKind\n", inter=inter) == (
        "w.item:9: item 'a' is already on line 2"
    )
    assert recbole_error(tmp_path, item="item_id:token\na\n", inter=inter) == (
        "w.item:1: no column for the titles, such as title, movie_title, movie_name; "
        "it has: item_id; --title-column names it"
    )
    assert recbole_error(tmp_path, item="", inter=inter).startswith("w.item:1: the file is empty")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "u\ta\t1\nu\tz\t2\n",
            "w.inter:3: item 'z' is not in the catalogue, as 1 of 2 events; "
            "--skip-unknown leaves such events out",
        ),
        (
            "u\ta\t1\nv\ta\t1\nu\ta\t7\n",
            "w.inter:4: user 'u' already has item 'a' (w.inter:2); 1 of 3 events repeat a pair of "
            "user and item: --keep first or --keep last leaves one of each",
        ),
        ("u\ta\t1\nu\tb\n", "w.inter:3: 2 fields where the header names 3"),
        (
            "u\ta\tlater\n",
            "w.inter:2: timestamp 'later' is neither a finite number nor an ISO date",
        ),
        ("\ta\t1\n", "w.inter:2: user_id is empty"),
        ("", "w.inter:1: no rows after the header"),
    ],
)
def test_bad_events_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    assert recbole_error(tmp_path, inter=INTER + rows) == message


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    message = recbole_error(tmp_path, inter="user_id:token\ttimestamp:float\nu\t1\n")
    assert message == (
        "w.inter:1: no column for the items, such as item_id, item, parent_asin; "
        "it has: user_id, timestamp; --item-column names it"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"valid_inter": "u\ta c\td\n"},
            "w.valid.inter:2: the history of user 'u' has 2 items that are not the 2 events known "
            "from the rows before (last: w.train.inter:2)",
        ),
        (
            {"train_inter": "u\ta b\tc\n"},
            "w.train.inter:2: the history of user 'u' has 2 items that are not the 1 events known "
            "from the rows before (last: w.train.inter:2)",
        ),
        (
            {"test_inter": "u\ta b c\td\nu\ta b c\td\n"},
            "w.test.inter:3: the history of user 'u' has 3 items that are not the 4 events known "
            "from the rows before (last: w.test.inter:2)",
        ),
        (
            {"test_inter": "v\ta\td\n"},
            "w.train.inter:2: item 'b' of user 'u' is given as train, "
            "but leave-one-out over 3 events makes it valid",
        ),
        (
            {"test_inter": "u\ta b c\td\nv\tb\ta\n", "valid_inter": "u\ta b\tc\nw\ta\tc\n"},
            "w.valid.inter:3: item 'c' of user 'w' is given as valid, "
            "but leave-one-out over 2 events makes it test",
        ),
        (
            {"test_inter": "u\ta b c\tz\n"},
            "w.test.inter:2: item 'z' is not in the catalogue, as 1 of 4 events; "
            "--skip-unknown leaves such events out",
        ),
        (
            {"test_inter": "u\ta b c\ta\n"},
            "w.test.inter:2: user 'u' already has item 'a' (w.train.inter:2); "
            "1 of 4 events repeat a pair of user and item: --keep first or --keep last leaves one "
            "of each",
        ),
        ({"test_inter": "u\t\td\n"}, "w.test.inter:2: item_id_list is empty"),
        ({"valid_inter": ""}, "w.valid.inter:1: no rows after the header"),
    ],
)
def test_a_given_split_that_disagrees_is_refused(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    files = {name: PREFIX + rows for name, rows in {**GOOD, **changed}.items()}
    assert recbole_error(tmp_path, **files) == message


def test_what_is_in_the_folder_must_be_clear(tmp_path: Path) -> None:
    assert "neither w.inter nor w.train.inter, w.valid.inter, w.test.inter" in recbole_error(
        tmp_path
    )
    assert "neither w.inter nor w.valid.inter" in recbole_error(
        tmp_path, train_inter="", test_inter=""
    )
    assert "both w.inter and split .inter files" in recbole_error(tmp_path, inter="")
    for name in "uv":
        (tmp_path / f"{name}.item").write_text(ITEMS)
    (tmp_path / "w.item").unlink()
    with pytest.raises(
        DataError, match=r"exactly one \.item file is needed, found u\.item, v\.item"
    ):
        read_dataset(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"not recbole, which is X\.inter.*; found an empty folder"):
        read_dataset(tmp_path, "recbole")


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"w\.item: not recbole, .*; found w\.item"):
        read_dataset(write_recbole(tmp_path) / "w.item", "recbole")
    with pytest.raises(DataError, match=r"cannot be read: File name too long"):
        read_dataset(tmp_path / ("x" * 5_000))


@pytest.mark.parametrize("name", ["w.item", "w.inter"])
def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path, name: str) -> None:
    write_recbole(tmp_path, inter=f"{INTER}u\ta\t1\n")
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=rf"{name}: cannot be read: Is a directory$"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("rows", "splits"),
    [("u\ta\t1\n", ["first"]), ("u\ta\t1\nu\tb\t2\n", ["first", "test"])],
)
def test_one_user_with_hardly_an_event(tmp_path: Path, rows: str, splits: list[str]) -> None:
    assert [split for *_, split in recbole_events(tmp_path, inter=INTER + rows)] == splits


def test_a_file_that_ends_in_the_middle_of_a_line_is_refused(tmp_path: Path) -> None:
    """At any byte of its last line but those after which it only seems whole."""
    whole = f"{INTER}u\ta\t1\nü\tb\t27".encode()
    begun = len(whole.rsplit(b"\n", 1)[0]) + 1
    write_recbole(tmp_path)
    for end in range(begun + 1, len(whole) - 1):
        (tmp_path / "w.inter").write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"^w\.inter:3: "):
            read_dataset(tmp_path)


def test_the_shipped_sample_is_read() -> None:
    sample = read_dataset(SAMPLE, domain="books")
    assert (sample.name, len(sample.items), len(sample.events)) == ("harbour", 60, 220)


@pytest.mark.skipif(not CDS.exists(), reason="the shared AgentCF sample is not on this machine")
def test_the_agentcf_sample_has_its_counts() -> None:
    cds = read_dataset(CDS, domain="CDs")
    assert len(cds.items) == 269
    assert Counter(event.split for event in cds.events) == {
        Split.FIRST: 100,
        Split.TRAIN: 500,
        Split.VALID: 100,
        Split.TEST: 100,
    }
    # By hand from the files: the first two users' first events, then the first user's whole line.
    assert [(e.user, e.item) for e in cds.events[:2]] == [("2867", "10410"), ("2517", "4686")]
    own = [event.item for event in cds.events if event.user == "2867"]
    assert own == ["10410", "4233", "213", "9798", "18245", "24746", "3510", "1370"]
    assert len({event.user for event in cds.events[:100]}) == 100
    assert cds.items[1].title == "Tom Petty & The Heartbreakers: Greatest Hits"
