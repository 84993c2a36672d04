"""Properties of planted worlds, and of the shipped sample, which is one."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean

import pytest
from pydantic import ValidationError
from typer import Typer
from typer.testing import CliRunner

from evals.baselines.pop import PopRanker
from evals.baselines.probes import LeastPopularRanker
from evals.baselines.random_order import RandomRanker
from evals.baselines.tfidf import TfidfRanker
from evals.candidates import Negatives, draw_tasks
from evals.datasets.registry import SAMPLE, read_dataset
from evals.datasets.splits import history, seen_items
from evals.planted.__main__ import main, write_world
from evals.planted.books import EARLIER, LATER
from evals.planted.world import (
    FOLLOWING,
    LAST_VISITS,
    PERIOD,
    START,
    Planted,
    World,
    plant_world,
)
from evals.ranking import rank_all
from state.dataset import Dataset, Split
from tests.support.paths import ROOT

SEEDS = [0, 1, 2, 3]
DEV = range(10)
"""The seeds for development; reports use others."""


def dataset_of(seed: int, **settings: object) -> Dataset:
    return plant_world(World.model_validate({"seed": seed, **settings})).dataset


def share_on_taste(world: Planted, split: Split) -> float:
    return fmean(
        shelf(world, event.item) == world.taste(event.user, time)
        for time, event in zip(world.times, world.dataset.events, strict=True)
        if event.split is split
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_gives_the_same_world(seed: int) -> None:
    world = plant_world(World(seed=seed))
    assert world == plant_world(World(seed=seed))
    assert world.dataset != dataset_of(seed + 1)


def shelf(world: Planted, item: str) -> tuple[str, int]:
    return world.theme[item], world.wave[item]


@pytest.mark.parametrize("seed", SEEDS)
def test_readers_are_cold_or_have_four_to_nine_events(seed: int) -> None:
    world = plant_world(World(seed=seed))
    counts = Counter(event.user for event in world.dataset.events)
    assert len(counts) == 40
    assert sum(count == 1 for count in counts.values()) == 6
    assert set(counts.values()) <= {1, 4, 5, 6, 7, 8, 9}
    assert len({(event.user, event.item) for event in world.dataset.events}) == sum(counts.values())
    assert Counter(world.community.values()) == dict.fromkeys(range(4), 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_times_are_spread_and_in_order(seed: int) -> None:
    world = plant_world(World(seed=seed))
    assert list(world.times) == sorted(world.times)
    assert min(world.times) >= START
    assert max(world.times) <= START + PERIOD
    quarters = Counter(4 * (time - START) // (PERIOD + 1) for time in world.times)
    assert all(quarters[quarter] >= 0.15 * len(world.times) for quarter in range(4))
    last = [t for t, e in zip(world.times, world.dataset.events, strict=True) if e.split == "test"]
    assert min(last) >= START + LAST_VISITS * PERIOD


@pytest.mark.parametrize("seed", SEEDS)
def test_early_adopters_move_long_before_the_others(seed: int) -> None:
    world = plant_world(World(seed=seed))
    for user, community in world.community.items():
        adoption = world.adoption[user]
        share = (adoption - START) / PERIOD
        if user in world.early:
            assert 0.15 <= share <= (world.drift[community] - START) / PERIOD <= 0.35
        else:
            assert FOLLOWING <= share <= LAST_VISITS
        assert world.taste(user, START) == (world.themes[community], EARLIER)
        assert world.taste(user, START + PERIOD) == (world.themes[community], LATER)
    assert 10 <= len(world.early) <= 16


def test_events_follow_the_readers_tastes_but_for_the_noise() -> None:
    # A tenth goes to any book of the library, which is on the reader's shelf one time in eight.
    world = plant_world(World(users=600, items=240))
    for split in Split:
        assert share_on_taste(world, split) == pytest.approx(0.91, abs=0.03)
    assert share_on_taste(plant_world(World(users=200, items=240, noise=0)), Split.TEST) == 1


def test_about_half_of_the_tests_ask_for_what_the_reader_hardly_knows() -> None:
    known = [n for seed in DEV for n in known_of_the_target(plant_world(World(seed=seed)))]
    assert sum(n == 0 for n in known) / len(known) == pytest.approx(0.35, abs=0.05)
    assert sum(n <= 1 for n in known) / len(known) == pytest.approx(0.55, abs=0.05)


def known_of_the_target(world: Planted) -> list[int]:
    """Return, for each reader tested, how many books of the wave now wanted were met before."""
    before = Counter(
        event.user
        for event in world.dataset.events
        if event.split is not Split.TEST
        and shelf(world, event.item) == world.taste(event.user, START + PERIOD)
    )
    return [before[e.user] for e in world.dataset.events if e.split is Split.TEST]


def test_all_themes_are_equally_read() -> None:
    world = plant_world(World(users=600, items=240))
    read = Counter(world.theme[event.item] for event in world.dataset.events)
    assert all(count / read.total() == pytest.approx(0.25, abs=0.03) for count in read.values())


@pytest.mark.parametrize("users", [40, 400])
def test_books_of_both_waves_are_equally_read_before_the_test(users: int) -> None:
    means = []
    for seed in DEV:
        world = plant_world(World(seed=seed, users=users, items=60 if users == 40 else 240))
        read = Counter(event.item for event in chain(*history(world.dataset, Split.TEST)))
        wave = [fmean(read[key] for key in world.wave if world.wave[key] == at) for at in (0, 1)]
        means.append(wave[1] / wave[0])
    assert fmean(means) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("by", [PopRanker, LeastPopularRanker])
async def test_popularity_says_next_to_nothing(by: type[PopRanker | LeastPopularRanker]) -> None:
    found: list[float] = []
    chance: list[float] = []
    for seed in DEV:
        dataset = dataset_of(seed)
        fitted = history(dataset, Split.TEST)
        cases = draw_tasks(dataset, Split.TEST, kind=Negatives.MATCHED, seen=seen_items(fitted))
        for method, into in ((by(), found), (RandomRanker(), chance)):
            method.fit(*fitted)
            into.append(fmean((await rank_all(method, cases)).user_means(10).values()))
    assert fmean(found) == pytest.approx(fmean(chance), abs=0.03)


def test_in_a_shuffled_world_the_past_says_nothing() -> None:
    world = plant_world(World(users=600, items=240, shuffled=True))
    assert share_on_taste(world, Split.TEST) == pytest.approx(0.125, abs=0.04)
    assert share_on_taste(world, Split.TRAIN) == pytest.approx(0.125, abs=0.03)


def test_in_a_misleading_world_those_who_were_told_go_elsewhere() -> None:
    world = plant_world(World(users=600, items=240, misleading=True))
    assert share_on_taste(world, Split.TEST) == pytest.approx(0.91, abs=0.03)
    end = START + PERIOD
    for user, community in world.community.items():
        own = world.themes[community]
        assert world.taste(user, START) == (own, EARLIER)
        theme, wave = world.taste(user, end)
        assert wave == LATER
        assert (theme == own) == (user in world.early)
        assert user in world.early or world.adoption[user] > max(world.drift)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("control", "expected"), [(None, 0.552), ("shuffled", 0.454), ("misleading", 0.673)]
)
async def test_what_a_static_ranking_finds(control: str | None, expected: float) -> None:
    """Nothing in the null world; where the others leave early they have read of it by then."""
    means = []
    for seed in range(4):
        dataset = dataset_of(
            seed,
            users=400,
            items=240,
            shuffled=control == "shuffled",
            misleading=control == "misleading",
        )
        fitted = history(dataset, Split.TEST)
        method = TfidfRanker(dataset.items)
        method.fit(*fitted)
        cases = draw_tasks(
            dataset, Split.TEST, kind=Negatives.SAMPLED, seen=seen_items(fitted), draws=(0,)
        )
        means.append(fmean((await rank_all(method, cases)).user_means(10).values()))
    assert fmean(means) == pytest.approx(expected, abs=0.02)


async def test_the_sample_leaves_room_above_chance() -> None:
    """The theme that was planted is worth far more than random: there is something to be found."""
    world = plant_world(World())
    cases = draw_tasks(world.dataset, Split.TEST, kind=Negatives.SAMPLED, seen=frozenset())
    informed = await rank_all(Informed(world), cases)
    assert fmean(informed.user_means(10).values()) > 0.6


class Informed(RandomRanker):
    """Knows what was planted: the line that no method can be expected to pass."""

    name = "Informed"

    def __init__(self, world: Planted) -> None:
        super().__init__()
        self._world = world

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        wanted = self._world.taste(user, START + PERIOD)
        order = await super().rank(user, candidates)
        return sorted(order, key=lambda key: shelf(self._world, key) != wanted)


def test_the_shipped_sample_is_what_the_generator_makes(tmp_path: Path) -> None:
    made = write_world(plant_world(World(seed=0)), tmp_path)
    assert {path.name for path in made} == {p.name for p in SAMPLE.iterdir()} - {"README.md"}
    for path in made:
        assert path.read_bytes() == (SAMPLE / path.name).read_bytes(), path.name
    command = "python -m evals.planted --seed 0 --out DIR"
    assert command in (SAMPLE / "README.md").read_text()


def test_what_the_samples_readme_counts_is_so() -> None:
    world = plant_world(World(seed=0))
    known = known_of_the_target(world)
    readme = " ".join((SAMPLE / "README.md").read_text().split())
    for fact in (
        f"{len(world.dataset.events)} events of 40 readers",
        f"Four: {', '.join(world.themes[:3])} and {world.themes[3]}.",
        f"{sum(world.wave.values())} of the 60 books",
        f"{known.count(0)} of the {len(known)} readers with a test event have met no book of it",
        f"{known.count(1)} have met one only",
        f"{len(world.early)} early adopters",
    ):
        assert fact in readme


def test_a_written_world_is_read_back_as_it_was(tmp_path: Path) -> None:
    world = plant_world(World(seed=5, users=30, communities=3))
    write_world(world, tmp_path / "new" / "folder")
    assert read_dataset(tmp_path / "new" / "folder", domain="books") == world.dataset


def test_the_command_writes_the_sample(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "evals.planted", "--seed", "0"]
    root = ROOT
    subprocess.run([*command, "--out", str(tmp_path)], check=True, cwd=root)  # noqa: S603 - ours
    assert (tmp_path / "harbour.inter").read_bytes() == (SAMPLE / "harbour.inter").read_bytes()


def test_settings_that_make_no_world_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="at most 5, the items of one theme"):
        World(items=20)
    with pytest.raises(ValidationError, match="communities"):
        World(communities=9)
    app = Typer()
    app.command()(main)
    result = CliRunner().invoke(app, ["--items", "20", "--out", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "events_per_user" in result.output
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("seed", [0, 3])
def test_a_cold_reader_may_have_a_test_and_changes_nobody_else(seed: int) -> None:
    one = plant_world(World(seed=seed))
    two = plant_world(World(seed=seed, cold_events=2))
    splits = [
        {user: [e.split for e in world.dataset.events if e.user == user] for user in world.adoption}
        for world in (one, two)
    ]
    cold = {user for user, own in splits[0].items() if len(own) == 1}
    assert cold
    for user, own in splits[1].items():
        assert own == ([Split.FIRST, Split.TEST] if user in cold else splits[0][user])
