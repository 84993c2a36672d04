"""Planted worlds: made-up readers and books whose communities and drift are known.

The world is a town library. Readers belong to communities, and each community reads one theme. The
subjects of a theme fall into an earlier and a later wave, and a book belongs to one wave. During
the period each community moves from the earlier wave to the later one: early adopters first, the
others long after them. So the early adopters' reading shows what the others will want, in words
that the others have not met. A world checks the mechanism; it is no evidence about people.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Self

from pydantic import Field, model_validator

from evals.datasets.splits import leave_one_out
from evals.planted.books import (
    EARLIER,
    LATER,
    Catalogue,
    Shelf,
    Wave,
    draw_waves,
    make_books,
    titles_of_a_wave,
)
from evals.planted.words import THEMES
from state.dataset import Dataset, Event, Split
from state.domain import Frozen
from state.randomness import draw

PERIOD = 360 * 86_400
"""Length of a world in seconds: 360 days."""
START = 1_704_067_200
"""The first second, in Unix time: the first of January 2024, UTC."""
LAST_VISITS = 0.85
"""Every reader's last event is after this share of the period, when all have moved."""
DRIFT = (0.25, 0.35)
"""A community's drift is between these shares of the period."""
FOLLOWING = 0.7
"""The readers who are no early adopters move after this share of the period."""
LEAVING = (0.45, 0.6)
"""In a misleading world they leave between these shares: after they have received messages about
the later wave, and with time to learn that these mislead."""
MOST_READERS = 100_000


class World(Frozen):
    """The settings of a planted world."""

    seed: int = 0
    users: int = Field(default=40, ge=1, le=MOST_READERS)
    items: int = Field(default=60, ge=1)
    communities: int = Field(default=4, ge=2, le=len(THEMES))
    """Also the number of themes."""
    events_per_user: tuple[int, int] = (4, 9)
    """Fewest and most events of a reader who is not cold."""
    cold_share: float = Field(default=0.15, ge=0, le=1)
    """Share of readers with only `cold_events` events."""
    cold_events: Literal[1, 2] = 1
    """With one event a cold reader has only a first profile; the second one is a test."""
    early_share: float = Field(default=0.4, ge=0, le=1)
    """Share of early adopters among a community's readers who are not cold."""
    later_share: float | None = Field(default=None, ge=0, le=1)
    """Share of each theme's books that are of its later wave. None takes the share of its reads
    before the test, so that popularity does not tell the wave. Worlds of different `early_share`
    have the same library only where this is given."""
    noise: float = Field(default=0.1, ge=0, le=1)
    """Share of events whose book is drawn from the whole library."""
    shuffled: bool = False
    """The null world: every book is drawn from the whole library, so nothing can be gained."""
    misleading: bool = False
    """The adversarial world: early adopters move on, and the others go to the later wave of the
    next community's theme. What a community's messages say is then wrong for them."""

    @model_validator(mode="after")
    def _enough_books(self) -> Self:
        fewest, most = self.events_per_user
        own = self.items // self.communities
        if not 2 <= fewest <= most <= own:
            raise ValueError(
                f"events_per_user is {fewest} to {most}; it must rise from at least 2 "
                f"to at most {own}, the items of one theme"
            )
        titles = 2 * titles_of_a_wave(self.communities)
        if self.items > titles * self.communities:
            raise ValueError(f"{self.items} items are too many: a theme has {titles} titles")
        return self


def items_for(users: int, communities: int = 4) -> int:
    """Return the number of books for a number of readers.

    Three for two readers, enough for the busiest reader, and no more than there are titles.
    """
    fewest = World().events_per_user[1] * communities
    most = 2 * titles_of_a_wave(communities) * communities
    return min(max(users * 3 // 2, fewest), most)


@dataclass(frozen=True)
class Planted:
    """A world with all that was planted in it. A ranker may see only `dataset`."""

    world: World
    dataset: Dataset
    times: tuple[int, ...]
    """The time of each event of the data set, in Unix seconds, in order."""
    themes: tuple[str, ...]
    """Community `c` reads `themes[c]`."""
    waves: dict[str, tuple[Wave, Wave]]
    """The earlier and the later wave of each theme."""
    community: dict[str, int]
    """The community of each user; events of a shuffled world ignore it."""
    theme: dict[str, str]
    """The theme of each item."""
    wave: dict[str, int]
    """The wave of each item: 0 is the earlier, 1 the later."""
    drift: tuple[int, ...]
    """When each community moves, in Unix seconds. Early adopters move up to a tenth of the period
    before it, the others after `FOLLOWING` or within `LEAVING`."""
    adoption: dict[str, int]
    """When each user moves, in Unix seconds."""
    early: frozenset[str]
    """The early adopters."""

    def taste(self, user: str, time: int) -> Shelf:
        """Return the theme and wave that `user` reads at `time`, except for noise."""
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
    """Return the data of a world; equal settings give equal data."""
    themes = tuple(draw(world.seed, "themes").sample(sorted(THEMES), world.communities))
    waves = draw_waves(world.seed, themes)
    readers = _readers(world)
    drift = tuple(
        _second(draw(world.seed, "drift", community).uniform(*DRIFT))
        for community in range(world.communities)
    )
    adoption = {
        user: _adoption(world, user, drift[community], early=user in readers.early)
        for user, community in readers.community.items()
    }
    visits = {user: _visits(world, user, readers, themes, adoption) for user in readers.community}
    later = _later_shares(world, themes, visits)
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
    """Draw each reader's community, the cold readers and the early adopters."""
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
    """Return a reader's visits in order of time, each with the shelf of its book."""
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
        # A draw of its own, so that nobody else's visits depend on it.
        last = draw(world.seed, "cold visits", user)
        return [_second(LAST_VISITS * last.random()), _second(last.uniform(LAST_VISITS, 1))]
    before = chance.randint(*world.events_per_user) - 1
    times = sorted(_second(LAST_VISITS * chance.random()) for _ in range(before))
    return [*times, _second(chance.uniform(LAST_VISITS, 1))]


def _later_shares(
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
    both = {theme: read[theme, EARLIER] + read[theme, LATER] for theme in themes}
    return {t: read[t, LATER] / count if count else 0.5 for t, count in both.items()}


def _events(world: World, visits: list[_Visit], books: Catalogue) -> list[tuple[int, Event]]:
    """Return one reader's events with their times; no book is taken twice.

    Where a shelf holds nothing new, the book comes from the whole library.
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
