"""The columns of RecBole's own converters are known, and AgentCF's folders as published."""

import re
import zipfile
from pathlib import Path

import pytest

from evals.datasets.reader import DataError, Extent, ReadOptions
from evals.datasets.registry import read_dataset, read_with_notes
from tests.support.recbole_files import ITEMS, PREFIX, write_recbole

VALUES = {"user": ("u", "u"), "item": ("1", "2"), "time": ("20", "10"), "title": ("One", "Two")}


@pytest.mark.parametrize(
    ("inter", "item"),
    [
        # MovieLens, Yelp, Book-Crossing, Anime, Steam, Last.fm, LFM-1b, MIND, Amazon, Diginetica
        ("user_id! item_id! rating:float timestamp!", "item_id! movie_title! class:token_seq"),
        ("review_id:token user_id! business_id! stars:float date!",
         "business_id! item_name! city:token_seq categories:token_seq"),
        ("user_id! item_id! rating:float", "item_id! book_title! publication_year:float"),
        ("user_id! item_id! rating:float", "item_id! name! genre:token_seq"),
        ("user_id! product_id! page:float timestamp!",
         "app_name:token genres:token_seq id! timestamp:float title!"),
        ("user_id! artist_id! weight:float", "artist_id! name! url:token"),
        ("user_id! track_id! timestamp! num_repeat:float", "track_id! name! artists_id:token"),
        ("user_id! item_id! label:float timestamp!",
         "item_id! category:token_seq sub_category:token_seq title! url:token_seq"),
        ("user_id! item_id! rating:float timestamp!",
         "item_id! sales_type:token title! brand:token categories:token_seq"),
        ("session_id! item_id! timestamp!", "item_id! item_name! item_category:token"),
        ("user_id! item_id! timestamp!", "item_id! movie_name! genre:token_seq"),
    ],
)  # fmt: skip
def test_the_names_of_recboles_converters_are_known(tmp_path: Path, inter: str, item: str) -> None:
    """An exclamation mark stands behind what must be recognised."""
    roles = {"user": {"user", "session"}, "time": {"timestamp", "date"}, "title": {"title", "name"}}

    def table(header: str) -> str:
        names, rows = header.split(), []
        for at in (0, 1):
            cells = []
            for name in names:
                words = {*re.findall("[a-z]+", name)}
                role = next((role for role, known in roles.items() if words & known), "item")
                cells.append(VALUES[role][at] if name.endswith("!") else "7")
            rows.append("\t".join(cells))
        typed = [re.sub("(timestamp|date)!", r"\1:float", name) for name in names]
        return "\n".join(["\t".join(typed).replace("!", ":token"), *rows, ""])

    read = read_with_notes(write_recbole(tmp_path, inter=table(inter), item=table(item)))
    assert [(i.key, i.title) for i in read.dataset.items] == [("1", "One"), ("2", "Two")]
    timed = "timestamp!" in inter or "date!" in inter
    assert [event.item for event in read.dataset.events] == (["2", "1"] if timed else ["1", "2"])
    notes = "\n".join(read.notes)
    assert ("no time column: file order is taken" in notes) is not timed
    rated = any(name in inter for name in ("rating:", "stars:", "label:"))
    assert ("are not used, so low ones count as likes" in notes) is rated


def test_low_ratings_are_dropped_where_asked(tmp_path: Path) -> None:
    rows = "user_id:token\titem_id:token\trating:float\nu\ta\t1\nu\tb\t5\nu\tc\t4\n"
    folder = write_recbole(tmp_path, inter=rows)
    read = read_with_notes(folder, options=ReadOptions(min_rating=4))
    assert [event.item for event in read.dataset.events] == ["b", "c"]
    assert "events dropped: 1 rated below 4 or not at all" in read.notes
    assert "\n".join(read.notes).count("likes") == 0


def agentcf(folder: Path, name: str = "films-10-user-dense") -> Path:
    (folder / "films.item").write_text(ITEMS)
    parts = {"train": "u\ta\tb\n", "valid": "u\ta b\tc\n", "test": "u\ta b c\td\n"}
    for part, rows in parts.items():
        (folder / f"{name}.{part}.inter").write_text(PREFIX + rows)
    return folder


def test_agentcf_folders_are_read_as_published(tmp_path: Path) -> None:
    read = read_with_notes(agentcf(tmp_path))
    assert read.dataset.name == "films-10-user-dense"
    assert [event.item for event in read.dataset.events] == list("abcd")
    assert [item.key for item in read.dataset.items] == list("abcd")  # of seven
    assert read.notes[-1] == "items: the 4 of 7 with an event; --catalogue whole takes all"
    with pytest.raises(DataError, match="histories have no ratings for --min-rating"):
        read_dataset(tmp_path, options=ReadOptions(min_rating=4))
    whole = read_dataset(tmp_path, options=ReadOptions(catalogue=Extent.WHOLE))
    assert len(whole.items) == 7


def test_an_archive_of_atomic_files_is_read(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("films/films.inter", "user_id:token\titem_id:token\nu\ta\nu\tb\n")
        file.writestr("films/films.item", ITEMS)
        file.writestr("films/films.user", "user_id:token\nu\n")
    dataset = read_dataset(path)
    assert (dataset.name, len(dataset.items), len(dataset.events)) == ("films", 7, 2)


def test_several_samples_in_one_folder_need_a_choice(tmp_path: Path) -> None:
    agentcf(agentcf(tmp_path), "films-10-user-sparse")
    with pytest.raises(DataError, match="several data sets, films-10-user-dense, films-"):
        read_dataset(tmp_path)
    chosen = read_dataset(tmp_path / "films-10-user-sparse.valid.inter")
    assert chosen.name == "films-10-user-sparse"
    (tmp_path / "films-10-user-sparse.valid.inter").unlink()
    with pytest.raises(DataError, match=r"neither .* nor films-10-user-sparse\.valid\.inter"):
        read_dataset(tmp_path / "films-10-user-sparse.test.inter")


@pytest.mark.parametrize(
    ("inter", "item"),
    [
        ("user_id:token,item_id:token\nu,a\nu,b\n", "item_id:token,title:token_seq\na,A\nb,B\n"),
        ("user_id\titem_id\nu\ta\nu\tb\n", "item_id\ttitle\na\tA\nb\tB\n"),
    ],
    ids=["comma", "no types"],
)
def test_headers_as_people_write_them_are_read(tmp_path: Path, inter: str, item: str) -> None:
    dataset = read_dataset(write_recbole(tmp_path, inter=inter, item=item))
    assert [event.item for event in dataset.events] == ["a", "b"]
