"""MovieLens' forms as they are downloaded, at the size of 100K."""

import zipfile
from collections import Counter
from pathlib import Path

import pytest

from evals.datasets.reader import DataError, ReadOptions, ReadResult
from evals.datasets.registry import read_dataset, read_with_notes
from state.dataset import Split
from tests.support.movielens_files import FILMS, RATINGS, USERS, ratings, write_100k, write_csv


def check(read: ReadResult) -> None:
    """Compare what was read with what was made up."""
    dataset = read.dataset
    assert (len(dataset.items), len(dataset.events)) == (FILMS, RATINGS)
    assert Counter(e.split for e in dataset.events) == {
        Split.FIRST: USERS,
        Split.TRAIN: RATINGS - 3 * USERS,
        Split.VALID: USERS,
        Split.TEST: USERS,
    }
    made_up = sorted(enumerate(ratings()), key=lambda pair: (pair[1][3], pair[0]))
    assert [(e.user, e.item) for e in dataset.events] == [
        (str(u), str(f)) for _, (u, f, _, _) in made_up
    ]
    assert dataset.items[0].title == "Misérables No. 1, Les (1921)"


@pytest.mark.parametrize("form", ["folder", "zip", "u.data"])
def test_100k_is_read_as_it_is_downloaded(tmp_path: Path, form: str) -> None:
    path = write_100k(tmp_path, archive=form == "zip")
    read = read_with_notes(path / "u.data" if form == "u.data" else path)
    check(read)
    assert read.dataset.name == "ml-100k"
    assert [item.category for item in read.dataset.items[:2]] == ["Action", "Adventure"]
    assert read.dataset.items[18].category == ""  # unknown is no genre
    assert read.notes[0] == "read as movielens: u.data and u.item"
    assert "ratings in column rating are not used" in read.notes[-1]


@pytest.mark.parametrize("name", ["", "ratings.csv"])
def test_the_csv_form_is_read(tmp_path: Path, name: str) -> None:
    path = write_csv(tmp_path)
    read = read_with_notes(path / name)
    check(read)
    assert [item.category for item in read.dataset.items[:2]] == ["Crime; Drama", ""]
    liked = read_with_notes(path / name, options=ReadOptions(min_rating=3.5))
    assert len(liked.dataset.events) == sum(r >= 4 for _, _, r, _ in ratings())
    assert any(f"{RATINGS - len(liked.dataset.events):,} rated below 3.5" in n for n in liked.notes)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_the_dat_form_is_read_in_both_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "ratings.dat").write_text("1::2::5::978300760\n1::3::4.5::978300750\n")
    films = "2::Misérables, Les (1995)::Drama|Musical\n3::Ed: a life (1996)::Comedy\n"
    (tmp_path / "movies.dat").write_bytes(films.encode(encoding))
    dataset = read_dataset(tmp_path)
    assert [(i.title, i.category) for i in dataset.items] == [
        ("Misérables, Les (1995)", "Drama; Musical"),
        ("Ed: a life (1996)", "Comedy"),
    ]
    assert [event.item for event in dataset.events] == ["3", "2"]


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    path = write_100k(tmp_path, archive=True)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"ml-100k\.zip: not a zip archive, or a damaged one"):
        read_dataset(path)


def test_an_archive_of_a_mac_is_read(tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ml/ratings.csv", "userId,movieId,rating,timestamp\n1,2,5,7\n1,3,4,6\n")
        file.writestr("ml/movies.csv", 'movieId,title,genres\n2,"A, B",Drama\n3,C,Crime\n')
        file.writestr("__MACOSX/ml/._ratings.csv", "\x00")
    assert [event.item for event in read_dataset(path).events] == ["3", "2"]
