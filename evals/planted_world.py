"""The planted world itself: readers, books, and who reads what when (DESIGN §8).

The world is a seaside town's library. Readers belong to communities. A community reads one theme,
and in the middle of the period moves on to the next community's: some readers first, the others
after them. A theme has eight synonymous phrases, of which a book shows two or three, so that books
of one theme often share no word.
"""

import random
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from evals.planted_words import FORENAMES, SURNAMES, THEMES
from evals.splits import leave_one_out
from state.domain import Dataset, Event, Frozen, Item
from state.randomness import draw

PERIOD = 360 * 86_400
"""Seconds that a world lasts: 360 days."""
START = 1_704_067_200
"""The first second, in Unix time: the first of January 2024, UTC."""
LAST_VISITS = 0.85
"""Share of the period after which the last event of every reader lies who has more than one; by
then all who move on have done so."""


class World(Frozen):
    """What shapes a planted world."""

    seed: int = 0
    users: int = Field(default=40, ge=1)
    items: int = Field(default=60, ge=1)
    communities: int = Field(default=4, ge=2, le=len(THEMES))
    """Also the number of themes: each community moves on to the theme of the next one, so that
    all themes are equally read at all times and popularity says nothing."""
    events_per_user: tuple[int, int] = (4, 9)
    """Fewest and most events of a reader who is not cold."""
    cold_share: float = Field(default=0.15, ge=0, le=1)
    """Share of readers with one event only."""
    early_share: float = Field(default=0.3, ge=0, le=1)
    """Share of early adopters among a community's readers who are not cold."""
    noise: float = Field(default=0.1, ge=0, le=1)
    """Share of events whose theme is drawn at random."""
    shuffled: bool = False
    """The null world: the community behind each event is drawn at random, nothing can be gained."""
    misleading: bool = False
    """The adversarial world: early adopters move on, the others never follow."""

    @model_validator(mode="after")
    def _enough_books(self) -> Self:
        fewest, most = self.events_per_user
        shelf = self.items // self.communities
        if not 2 <= fewest <= most <= shelf:
            raise ValueError(
                f"events_per_user is {fewest} to {most}; it must rise from at least 2 "
                f"to at most {shelf}, the items of one theme"
            )
        return self


@dataclass(frozen=True)
class Planted:
    """A world with what was planted in it. Only `dataset` may reach a method."""

    world: World
    dataset: Dataset
    times: tuple[int, ...]
    """When each event of the data set happened, in Unix seconds, never decreasing."""
    themes: tuple[str, ...]
    """The ring of themes: community `c` reads `themes[c]`, and moves on to the one after it."""
    community: dict[str, int]
    """Each user's community; in a shuffled world no event heeds it."""
    theme: dict[str, str]
    """Each item's theme."""
    drift: tuple[int, ...]
    """When each community moves, in Unix seconds: early adopters up to a tenth of the period
    before, the others from a twentieth after."""
    adoption: dict[str, int | None]
    """When each user moves on, in Unix seconds; None for never (in a misleading world)."""
    early: frozenset[str]
    """The early adopters."""

    def taste(self, user: str, time: int) -> str:
        """Return the theme that `user` reads at `time`, noise apart."""
        at = self.community[user] + _moved(self.adoption[user], time)
        return self.themes[at % len(self.themes)]


@dataclass(frozen=True)
class _Readers:
    community: dict[str, int]
    cold: frozenset[str]
    early: frozenset[str]


def plant_world(world: World) -> Planted:
    """Return `world` with everything that was planted in it; the same world gives the same."""
    themes = tuple(draw(world.seed, "themes").sample(sorted(THEMES), world.communities))
    items, theme = _items(world, themes)
    readers = _readers(world)
    drift = tuple(
        _second(draw(world.seed, "drift", place).uniform(0.45, 0.55))
        for place in range(world.communities)
    )
    adoption = {
        user: _adoption(world, user, drift[place], early=user in readers.early)
        for user, place in readers.community.items()
    }
    shelves = [[key for key, name in theme.items() if name == own] for own in themes]
    visits = _visits(world, readers, adoption, shelves)
    events = tuple(event for _, event in visits)
    return Planted(
        world=world,
        dataset=Dataset(name="harbour", domain="books", items=items, events=events),
        times=tuple(time for time, _ in visits),
        themes=themes,
        community=readers.community,
        theme=theme,
        drift=drift,
        adoption=adoption,
        early=readers.early,
    )


def _second(share: float) -> int:
    return START + round(share * PERIOD)


def _moved(adoption: int | None, time: int) -> bool:
    return adoption is not None and time >= adoption


def _items(world: World, themes: tuple[str, ...]) -> tuple[tuple[Item, ...], dict[str, str]]:
    """Return the catalogue and each item's theme; neither key nor place tells the theme."""
    chance = draw(world.seed, "items")
    shelf = [themes[at % len(themes)] for at in range(world.items)]
    chance.shuffle(shelf)
    authors = [f"{forename} {surname}" for forename in FORENAMES for surname in SURNAMES]
    chance.shuffle(authors)
    width = len(str(world.items))
    items = []
    theme = {}
    for at, name in enumerate(shelf):
        title, *rest = chance.sample(THEMES[name], 2 if chance.random() < 0.7 else 3)
        item = Item(
            key=f"book-{at + 1:0{width}}",
            title=f"{authors[at % len(authors)]}: {title[0].upper()}{title[1:]}",
            category="; ".join(rest),
        )
        items.append(item)
        theme[item.key] = name
    return tuple(items), theme


def _readers(world: World) -> _Readers:
    """Return who belongs where, who has one event only, and who moves first."""
    chance = draw(world.seed, "readers")
    width = len(str(world.users))
    names = [f"reader-{at + 1:0{width}}" for at in range(world.users)]
    order = chance.sample(names, len(names))
    place = {name: at % world.communities for at, name in enumerate(order)}
    cold = frozenset(chance.sample(names, round(world.cold_share * world.users)))
    early: set[str] = set()
    for community in range(world.communities):
        members = [name for name in order if place[name] == community and name not in cold]
        early.update(members[: round(world.early_share * len(members))])
    return _Readers({name: place[name] for name in names}, cold, frozenset(early))


def _adoption(world: World, user: str, drift: int, *, early: bool) -> int | None:
    chance = draw(world.seed, "adoption", user)
    begun = (drift - START) / PERIOD
    if early:
        return _second(begun - 0.1 * chance.random())
    if world.misleading:
        return None
    return _second(chance.uniform(begun + 0.05, LAST_VISITS))


def _visits(
    world: World,
    readers: _Readers,
    adoption: dict[str, int | None],
    shelves: list[list[str]],
) -> list[tuple[int, Event]]:
    """Return all events with their times, in order of time."""
    visits = []
    for user, place in readers.community.items():
        chance = draw(world.seed, "events", user)
        times = _times(world, chance, cold=user in readers.cold)
        taken: set[str] = set()
        for time, split in zip(times, leave_one_out(len(times)), strict=True):
            book = _book(world, chance, shelves, place + _moved(adoption[user], time), taken)
            taken.add(book)
            visits.append((time, Event(user=user, item=book, split=split)))
    return sorted(visits, key=lambda visit: visit[0])


def _times(world: World, chance: random.Random, *, cold: bool) -> list[int]:
    """Return when one reader comes, in order."""
    if cold:
        return [_second(chance.random())]
    before = chance.randint(*world.events_per_user) - 1
    times = sorted(_second(LAST_VISITS * chance.random()) for _ in range(before))
    return [*times, _second(chance.uniform(LAST_VISITS, 1))]


def _book(
    world: World, chance: random.Random, shelves: list[list[str]], place: int, taken: set[str]
) -> str:
    """Return a book that the reader has not had.

    Theme and book are drawn again together until the book is new: in a shuffled world every book
    not yet read is then equally likely, so that not even what was read tells what will be.
    """
    while True:
        astray = world.shuffled or chance.random() < world.noise
        at = chance.randrange(len(shelves)) if astray else place % len(shelves)
        book = chance.choice(shelves[at])
        if book not in taken:
            return book
