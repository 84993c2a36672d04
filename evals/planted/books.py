"""The books of a planted world: the wave of each, its title, author and subjects."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from evals.planted.words import AUTHORS, NOUNS, THEMES
from state.dataset import Item
from state.randomness import draw

SUBJECTS = 6
"""Subjects of a wave: half of its theme's."""
EARLIER, LATER = 0, 1
"""The waves of a theme."""

Shelf = tuple[str, int]
"""A theme and one of its waves."""


@dataclass(frozen=True)
class Wave:
    """The words of one wave of a theme; no other wave has any of them."""

    subjects: tuple[str, ...]
    nouns: tuple[str, ...]
    authors: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """The books of a world, in the order of their keys."""

    items: tuple[Item, ...]
    shelf: dict[str, Shelf]
    """The shelf of each book."""
    books: dict[Shelf, list[str]]
    """The keys of the books on each shelf."""


def titles_of_a_wave(communities: int) -> int:
    """Return the number of titles of a wave, each of a subject and a noun."""
    return SUBJECTS * (len(NOUNS) // (2 * communities))


def draw_waves(seed: int, themes: Sequence[str]) -> dict[str, tuple[Wave, Wave]]:
    """Return the two waves of each theme.

    A theme's subjects are divided at random, so two subjects of one wave are no more alike than two
    of one theme, and no text tells the wave.
    """
    chance = draw(seed, "titles")
    nouns, authors = (chance.sample(words, len(words)) for words in (NOUNS, AUTHORS))
    count = 2 * len(themes)
    each = len(nouns) // count
    waves: list[Wave] = []
    for theme in themes:
        subjects = draw(seed, "waves", theme).sample(list(THEMES[theme]), 2 * SUBJECTS)
        for half in (subjects[:SUBJECTS], subjects[SUBJECTS:]):
            at = len(waves)
            own = nouns[at * each :][:each]
            waves.append(Wave(tuple(half), tuple(own), tuple(authors[at::count])))
    return dict(zip(themes, zip(waves[::2], waves[1::2], strict=True), strict=True))


def make_books(
    seed: int,
    count: int,
    waves: Mapping[str, tuple[Wave, Wave]],
    later: Mapping[str, float],
) -> Catalogue:
    """Return `count` books, equally many a theme; neither key nor position tells the shelf.

    A title names one subject of the book, and the category lists one or two more.

    Args:
        seed: seed of the world.
        count: number of books, at most `2 * titles_of_a_wave(…)` a theme.
        waves: the two waves of each theme.
        later: the share of each theme's books that belong to its later wave.
    """
    chance = draw(seed, "items")
    shelves = _shelves(count, list(waves), later)
    chance.shuffle(shelves)
    titles = {
        (theme, at): _titles(chance, theme, wave)
        for theme, both in waves.items()
        for at, wave in enumerate(both)
    }
    width = len(str(count))
    catalogue = Catalogue(
        tuple(
            _book(chance, f"book-{at:0{width}}", waves[theme][wave], titles[theme, wave].pop())
            for at, (theme, wave) in enumerate(shelves, start=1)
        ),
        {},
        {},
    )
    for item, shelf in zip(catalogue.items, shelves, strict=True):
        catalogue.shelf[item.key] = shelf
        catalogue.books.setdefault(shelf, []).append(item.key)
    return catalogue


def _shelves(count: int, themes: list[str], later: Mapping[str, float]) -> list[Shelf]:
    shelves: list[Shelf] = []
    titles = titles_of_a_wave(len(themes))
    for position, theme in enumerate(themes):
        own = len(range(position, count, len(themes)))
        # At least one book of each wave, and no more than there are titles.
        most = min(own - 1, titles)
        moved = min(max(round(own * later[theme]), own - most), most)
        shelves += [(theme, EARLIER)] * (own - moved) + [(theme, LATER)] * moved
    return shelves


def _titles(chance: random.Random, theme: str, wave: Wave) -> list[tuple[str, str]]:
    """Return all titles of a wave with the subject of each, in random order."""
    titles = [
        (subject, f"The {THEMES[theme][subject]} {noun}")
        for subject, noun in product(wave.subjects, wave.nouns)
    ]
    chance.shuffle(titles)
    return titles


def _book(chance: random.Random, key: str, wave: Wave, titled: tuple[str, str]) -> Item:
    subject, title = titled
    others = [other for other in wave.subjects if other != subject]
    listed = chance.sample(others, 1 if chance.random() < 0.7 else 2)
    author = chance.choice(wave.authors)
    return Item(key=key, title=f"{title}, by {author}", category="; ".join(listed))
