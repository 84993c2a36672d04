"""The planted world itself: readers, books, and who reads what when.

The world is a seaside town's library. Readers belong to communities, and each community reads one
theme. A theme's synonymous phrases fall into an earlier and a later wave, and a book shows phrases
of one wave only. In the course of the period a community moves from the earlier wave to the later
one: some readers first, the others long after them. So what the early adopters read is what the
others will want, in words that the others have not met. Nothing else is written on a book.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Self

from pydantic import Field, model_validator

from evals.datasets.splits import leave_one_out
from evals.planted.books import EARLIER, LATER, TITLES, Catalogue, Shelf, draw_waves, make_books
from evals.planted.words import THEMES
from state.dataset import Dataset, Event, Split
from state.domain import Frozen
from state.randomness import draw

PERIOD = 360 * 86_400
"""Seconds that a world lasts: 360 days."""
START = 1_704_067_200
"""The first second, in Unix time: the first of January 2024, UTC."""
LAST_VISITS = 0.85
"""Share of the period after which the last event of every reader lies who has more than one; by
then all who move on have done so."""
DRIFT = (0.25, 0.35)
"""Shares of the period between which a community's drift lies."""
FOLLOWING = 0.7
"""Share of the period after which those who follow do so."""
LEAVING = (0.45, 0.6)
"""Shares of the period between which, in a misleading world, those leave who would have followed:
after they were told of what they will not read, and with time to learn that."""
MOST_READERS = 100_000
"""More would only make memory run out: there are no more books for them."""


class World(Frozen):
    """What shapes a planted world."""

    seed: int = 0
    users: int = Field(default=40, ge=1, le=MOST_READERS)
    items: int = Field(default=60, ge=1)
    communities: int = Field(default=4, ge=2, le=len(THEMES))
    """Also the number of themes."""
    events_per_user: tuple[int, int] = (4, 9)
    """Fewest and most events of a reader who is not cold."""
    cold_share: float = Field(default=0.15, ge=0, le=1)
    """Share of readers with as few events as `cold_events`."""
    cold_events: Literal[1, 2] = 1
    """With one event a cold reader has a first profile only; the second of two is a test."""
    early_share: float = Field(default=0.4, ge=0, le=1)
    """Share of early adopters among a community's readers who are not cold."""
    later_share: float | None = Field(default=None, ge=0, le=1)
    """Share of each theme's books that are of its later wave; None for the share of its reads
    before the test, so that how often a book was read does not tell its wave. Worlds of different
    `early_share` have the same library only where this is given."""
    noise: float = Field(default=0.1, ge=0, le=1)
    """Share of events whose book is drawn from the whole library."""
    shuffled: bool = False
    """The null world: the book of each event is drawn from the whole library, theme and wave alike,
    so that nothing can be gained."""
    misleading: bool = False
    """The adversarial world: early adopters move on, and the others go to the later wave of the
    next community's theme, so that whoever is told of what their like reads is told wrong."""

    @model_validator(mode="after")
    def _enough_books(self) -> Self:
        fewest, most = self.events_per_user
        own = self.items // self.communities
        if not 2 <= fewest <= most <= own:
            raise ValueError(
                f"events_per_user is {fewest} to {most}; it must rise from at least 2 "
                f"to at most {own}, the items of one theme"
            )
        if self.items > 2 * TITLES * self.communities:
            raise ValueError(f"{self.items} items are too many: a theme has {2 * TITLES} titles")
        return self


def items_for(users: int, communities: int = 4) -> int:
    """Return how many books go with so many readers.

    Three for two, but enough for the busiest reader, and no more than there are titles.
    """
    enough = World().events_per_user[1] * communities
    return min(max(users * 3 // 2, enough), 2 * TITLES * communities)


@dataclass(frozen=True)
class Planted:
    """A world with what was planted in it. Only `dataset` may reach a method."""

    world: World
    dataset: Dataset
    times: tuple[int, ...]
    """When each event of the data set happened, in Unix seconds, never decreasing."""
    themes: tuple[str, ...]
    """Community `c` reads `themes[c]`."""
    waves: dict[str, tuple[tuple[str, ...], ...]]
    """The phrases of each theme's earlier and later wave."""
    community: dict[str, int]
    """Each user's community; in a shuffled world no event heeds it."""
    theme: dict[str, str]
    """Each item's theme."""
    wave: dict[str, int]
    """Each item's wave: 0 for the earlier, 1 for the later."""
    drift: tuple[int, ...]
    """When each community moves, in Unix seconds: early adopters up to a tenth of the period
    before; the others later, at the earliest at `FOLLOWING`, or at `LEAVING`."""
    adoption: dict[str, int]
    """When each user moves on, in Unix seconds."""
    early: frozenset[str]
    """The early adopters."""

    def taste(self, user: str, time: int) -> Shelf:
        """Return the theme and wave that `user` reads at `time`, noise apart."""
        moved, early = time >= self.adoption[user], user in self.early
        return _shelf(self.world, self.themes, self.community[user], moved=moved, early=early)


@dataclass(frozen=True)
class _Readers:
    community: dict[str, int]
    cold: frozenset[str]
    early: frozenset[str]


@dataclass(frozen=True)
class _Visit:
    time: int
    user: str
    split: Split
    wanted: Shelf | None
    """The shelf from which a book is drawn; None for the whole library."""


def plant_world(world: World) -> Planted:
    """Return `world` with everything that was planted in it; the same world gives the same."""
    themes = tuple(draw(world.seed, "themes").sample(sorted(THEMES), world.communities))
    waves = draw_waves(world.seed, themes)
    readers = _readers(world)
    drift = tuple(
        _second(draw(world.seed, "drift", place).uniform(*DRIFT))
        for place in range(world.communities)
    )
    adoption = {
        user: _adoption(world, user, drift[place], early=user in readers.early)
        for user, place in readers.community.items()
    }
    visits = {user: _visits(world, user, readers, themes, adoption) for user in readers.community}
    later = _later(world, themes, visits)
    books = make_books(world.seed, world.items, waves, later)
    timed = [event for own in visits.values() for event in _events(world, own, books)]
    timed.sort(key=lambda event: event[0])
    events = tuple(event for _, event in timed)
    return Planted(
        world=world,
        dataset=Dataset(name="harbour", domain="books", items=books.items, events=events),
        times=tuple(time for time, _ in timed),
        themes=themes,
        waves=waves,
        community=readers.community,
        theme={key: theme for key, (theme, _) in books.shelf.items()},
        wave={key: wave for key, (_, wave) in books.shelf.items()},
        drift=drift,
        adoption=adoption,
        early=readers.early,
    )


def _second(share: float) -> int:
    return START + round(share * PERIOD)


def _shelf(
    world: World, themes: Sequence[str], community: int, *, moved: bool, early: bool
) -> Shelf:
    if not moved:
        return themes[community], EARLIER
    stray = world.misleading and not early
    return themes[(community + stray) % len(themes)], LATER


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


def _adoption(world: World, user: str, drift: int, *, early: bool) -> int:
    chance = draw(world.seed, "adoption", user)
    if early:
        return drift - round(0.1 * PERIOD * chance.random())
    span = LEAVING if world.misleading else (FOLLOWING, LAST_VISITS)
    return _second(chance.uniform(*span))


def _visits(
    world: World,
    user: str,
    readers: _Readers,
    themes: tuple[str, ...],
    adoption: dict[str, int],
) -> list[_Visit]:
    """Return when one reader comes and from which shelf the books will be, in order of time."""
    chance = draw(world.seed, "visits", user)
    times = _times(world, user, chance, cold=user in readers.cold)
    community, early = readers.community[user], user in readers.early
    visits = []
    for time, split in zip(times, leave_one_out(len(times)), strict=True):
        astray = world.shuffled or chance.random() < world.noise
        shelf = _shelf(world, themes, community, moved=time >= adoption[user], early=early)
        visits.append(_Visit(time, user, split, None if astray else shelf))
    return visits


def _times(world: World, user: str, chance: random.Random, *, cold: bool) -> list[int]:
    if cold:
        first = _second(chance.random())
        if world.cold_events == 1:
            return [first]
        # Of their own chance, so that nobody else's visits depend on it.
        last = draw(world.seed, "cold visits", user)
        return [_second(LAST_VISITS * last.random()), _second(last.uniform(LAST_VISITS, 1))]
    before = chance.randint(*world.events_per_user) - 1
    times = sorted(_second(LAST_VISITS * chance.random()) for _ in range(before))
    return [*times, _second(chance.uniform(LAST_VISITS, 1))]


def _later(
    world: World, themes: tuple[str, ...], visits: dict[str, list[_Visit]]
) -> dict[str, float]:
    """Return the share of each theme's books that are of its later wave."""
    if world.later_share is not None:
        return dict.fromkeys(themes, world.later_share)
    read = Counter(
        visit.wanted
        for visit in chain.from_iterable(visits.values())
        if visit.wanted and visit.split is not Split.TEST
    )
    later = {}
    for theme in themes:
        both = read[theme, EARLIER] + read[theme, LATER]
        later[theme] = read[theme, LATER] / both if both else 0.5
    return later


def _events(world: World, visits: list[_Visit], books: Catalogue) -> list[tuple[int, Event]]:
    """Return one reader's events with their times; no book is taken twice.

    Where a shelf holds nothing new, the whole library does. A book from the whole library is any
    that is not yet taken, each equally likely: in a shuffled world nothing tells what comes next.
    """
    events = []
    taken: set[str] = set()
    for at, visit in enumerate(visits):
        chance = draw(world.seed, "book", visit.user, at)
        shelf = books.books.get(visit.wanted, []) if visit.wanted else []
        new = [key for key in shelf if key not in taken]
        book = chance.choice(new or [key for key in books.shelf if key not in taken])
        taken.add(book)
        events.append((visit.time, Event(user=visit.user, item=book, split=visit.split)))
    return events
