"""The books of a planted world: which wave of which theme each belongs to, and what it shows."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from math import comb

from evals.planted.words import THEMES
from state.dataset import Item
from state.randomness import draw

PHRASES = 6
"""Phrases of a wave: half of its theme's."""
TITLES = sum(comb(PHRASES, shown) for shown in (1, 2, 3))
"""How many books a wave has titles for: of one, two or three of its phrases, in any one order."""
EARLIER, LATER = 0, 1
"""The waves of a theme."""

Shelf = tuple[str, int]
"""A theme and one of its waves."""


@dataclass(frozen=True)
class Catalogue:
    """The books of a world, in the order of their keys."""

    items: tuple[Item, ...]
    shelf: dict[str, Shelf]
    """Where each book belongs."""
    books: dict[Shelf, list[str]] = field(init=False)
    """The keys of the books on each shelf."""

    def __post_init__(self) -> None:
        """Sort the books by shelf."""
        books: dict[Shelf, list[str]] = {}
        for key, shelf in self.shelf.items():
            books.setdefault(shelf, []).append(key)
        object.__setattr__(self, "books", books)


def draw_waves(seed: int, themes: Sequence[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the phrases of each theme's two waves.

    Which phrase belongs to which wave is drawn, so that no text can tell: two phrases of one wave
    are no more alike than two of one theme.
    """
    waves: dict[str, tuple[tuple[str, ...], ...]] = {}
    for theme in themes:
        order = draw(seed, "waves", theme).sample(THEMES[theme], 2 * PHRASES)
        waves[theme] = (tuple(order[:PHRASES]), tuple(order[PHRASES:]))
    return waves


def make_books(
    seed: int,
    count: int,
    waves: Mapping[str, tuple[tuple[str, ...], ...]],
    later: Mapping[str, float],
) -> Catalogue:
    """Return `count` books, equally many a theme; neither key nor place tells the shelf.

    Args:
        seed: seed of the world.
        count: books in all, at most `2 * TITLES` a theme.
        waves: the phrases of each theme's waves.
        later: the share of each theme's books that belong to its later wave.
    """
    chance = draw(seed, "items")
    shelves = _shelves(count, list(waves), later)
    chance.shuffle(shelves)
    width = len(str(count))
    titled: set[frozenset[str]] = set()
    items = []
    shelf_of = {}
    for at, (theme, wave) in enumerate(shelves):
        in_title, rest = _shown(chance, waves[theme][wave], titled)
        titled.add(frozenset(in_title))
        title = _listed(in_title)
        item = Item(
            key=f"book-{at + 1:0{width}}",
            title=f"{title[0].upper()}{title[1:]}",
            category="; ".join(rest),
        )
        items.append(item)
        shelf_of[item.key] = (theme, wave)
    return Catalogue(tuple(items), shelf_of)


def _shelves(count: int, themes: list[str], later: Mapping[str, float]) -> list[Shelf]:
    shelves: list[Shelf] = []
    for place, theme in enumerate(themes):
        own = len(range(place, count, len(themes)))
        # At least one book of each wave, and no more than there are titles for.
        most = min(own - 1, TITLES)
        moved = min(max(round(own * later[theme]), own - most), most)
        shelves.extend(chain(repeat((theme, EARLIER), own - moved), repeat((theme, LATER), moved)))
    return shelves


def _shown(
    chance: random.Random, phrases: Sequence[str], titled: set[frozenset[str]]
) -> tuple[list[str], list[str]]:
    """Return the phrases in a book's title and those in its category.

    The title shows as few as tell it from all titles in `titled`; the category shows the others.
    """
    while True:
        shown = chance.sample(phrases, 2 if chance.random() < 0.7 else 3)
        for count in range(1, len(shown) + 1):
            if frozenset(shown[:count]) not in titled:
                return shown[:count], shown[count:]


def _listed(phrases: list[str]) -> str:
    """Return `a`, `a & b` or `a, b & c`; a written "and" would be a word that books share."""
    return " & ".join([", ".join(phrases[:-1]), phrases[-1]] if phrases[1:] else phrases)
