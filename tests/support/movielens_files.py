"""Files of MovieLens' forms and sizes, made up: 943 users, 1,682 films, 100,000 ratings."""

import zipfile
from pathlib import Path

from state.randomness import draw

USERS, FILMS, RATINGS = 943, 1_682, 100_000


def ratings() -> list[tuple[int, int, int, int]]:
    """Return user, film, rating and time of each event; each user has at least 20."""
    chance = draw(100, "ratings")
    films = range(1, FILMS + 1)
    taken = {(user, film) for user in range(1, USERS + 1) for film in chance.sample(films, 20)}
    taken |= {(chance.randint(1, USERS), film) for film in films}
    while len(taken) < RATINGS:
        film = min(int(chance.expovariate(1 / 250)) + 1, FILMS)
        taken.add((chance.randint(1, USERS), film))
    pairs = sorted(taken)
    chance.shuffle(pairs)
    return [(u, f, chance.randint(1, 5), chance.randint(874724710, 893286638)) for u, f in pairs]


def title(film: int) -> str:
    """Return the title of a film, some with letters that Latin-1 writes in one byte."""
    return f"Misérables No. {film}, Les (19{film % 80 + 20})"


def write_100k(folder: Path, *, archive: bool = False) -> Path:
    """Write `u.data`, `u.item` and `u.user`, or the archive of their folder; return the path."""
    day = "01-Jan-1995"
    flags = [[int(place == film % 19) for place in range(19)] for film in range(FILMS + 1)]
    contents = {
        "u.data": "".join(f"{u}\t{f}\t{r}\t{t}\n" for u, f, r, t in ratings()),
        "u.item": "".join(
            f"{film}|{title(film)}|{day}||http://us.imdb.com/M/{film}|"
            f"{'|'.join(map(str, flags[film]))}\n"
            for film in range(1, FILMS + 1)
        ),
        "u.user": "".join(f"{user}|24|M|technician|85711\n" for user in range(1, USERS + 1)),
        "u.genre": "unknown|0\n",
        "README": "SUMMARY\n",
    }
    if archive:
        path = folder / "ml-100k.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in contents.items():
                file.writestr(f"ml-100k/{name}", text.encode("latin-1"))
        return path
    path = folder / "ml-100k"
    path.mkdir()
    for name, text in contents.items():
        (path / name).write_bytes(text.encode("latin-1"))
    return path


def write_csv(folder: Path) -> Path:
    """Write `ratings.csv`, `movies.csv` and `tags.csv` as those of ml-latest; return the folder."""
    path = folder / "ml-latest"
    path.mkdir()
    rows = "".join(f"{u},{f},{r - 0.5},{t}\n" for u, f, r, t in ratings())
    (path / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n{rows}")
    films = "".join(
        f'{film},"{title(film)}",{"Crime|Drama" if film % 2 else "(no genres listed)"}\n'
        for film in range(1, FILMS + 1)
    )
    (path / "movies.csv").write_text(f"movieId,title,genres\n{films}", encoding="utf-8")
    (path / "tags.csv").write_text("userId,movieId,tag,timestamp\n1,1,fun,1\n")
    (path / "links.csv").write_text("movieId,imdbId,tmdbId\n1,114709,862\n")
    return path
