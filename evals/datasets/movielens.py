"""MovieLens as GroupLens publishes it: 100K, 1M and 10M, 20M and later, small and latest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.datasets.assembly import FileReader, Found
from evals.datasets.files import Place, Source, lines
from evals.datasets.reader import DataError, ReadOptions
from evals.datasets.tables import DataTable, Row, delimited, open_table

_PAIRS = {"u.data": "u.item", "ratings.dat": "movies.dat", "ratings.csv": "movies.csv"}
"""The file of ratings and that of films, of the three forms."""
_RATINGS = ("user_id", "movie_id", "rating", "timestamp")
_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
"""The last columns of `u.item`, each 0 or 1."""
_MOVIE = ("movie_id", "title", "genres")
_FILM = ("movie_id", "title", "release_date", "video_release_date", "imdb_url")


class MovieLensReader(FileReader):
    """Reads a folder or zip archive as it is downloaded, or the file of ratings in it.

    `u.item` is Latin-1, and so is `movies.dat` where it is not UTF-8.
    """

    name = "movielens"
    accepts = "u.data and u.item, ratings.dat and movies.dat, or ratings.csv and movies.csv"

    def find(self, source: Source, options: ReadOptions) -> Found | None:
        """Return the ratings and the films; None where either is missing."""
        for ratings, films in _PAIRS.items():
            named = source.chosen in (None, ratings)
            if named and ratings in source.files and films in source.files:
                path = source.files[ratings]
                name = Path(str(path)).parent.name if source.chosen else source.name
                tables = _tables(path, source.files[films], options)
                return Found(name or source.name, *tables)
        return None


def _tables(ratings: Place, films: Place, options: ReadOptions) -> tuple[DataTable, DataTable]:
    encoding = options.encoding or _encoding(films)
    if ratings.suffix == ".csv":
        return open_table(ratings), open_table(films, encoding)
    dash, columns = ("\t", (*_FILM, *_GENRES)) if ratings.suffix == ".data" else ("::", _MOVIE)
    mark = "|" if ratings.suffix == ".data" else "::"
    events = delimited(ratings, separator=dash, columns=_RATINGS, quoting=False)
    items = delimited(films, separator=mark, columns=columns, quoting=False, encoding=encoding)
    return events, _with_genres(items) if ratings.suffix == ".data" else items


def _encoding(path: Place) -> str:
    """Return UTF-8 where the whole file is that, else Latin-1, which every file is."""
    try:
        for _ in lines(path, "utf-8"):
            pass
    except DataError:
        return "latin-1"
    return "utf-8"


def _with_genres(films: DataTable) -> DataTable:
    """Return `u.item` with one column `genres` in place of a column for each genre."""

    def select(names: Sequence[str]) -> Iterator[Row]:
        for line, (film, title, *flags) in films.select([*_MOVIE[:2], *_GENRES[1:]]):
            genres = [genre for genre, flag in zip(_GENRES[1:], flags, strict=True) if flag == "1"]
            row = dict(zip(_MOVIE, (film, title, genres), strict=True))
            yield line, [row[name] for name in names]

    return DataTable(films.file, _MOVIE, select)
