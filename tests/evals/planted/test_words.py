"""What a theme's phrases share is seen by the offline encoder, and by no comparison of words."""

import math
import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer

from evals.datasets.registry import SAMPLE
from evals.planted.books import PHRASES as OF_A_WAVE
from evals.planted.books import TITLES
from evals.planted.words import THEMES
from evals.planted.world import World, plant_world
from prompts.extract import ExtractFields
from prompts.initial_profiles import initial_item_profile, initial_user_profile
from prompts.offline.attributes import extract
from prompts.offline.encoder import OfflineEncoder
from prompts.offline.words import is_content, stem
from state.dataset import Item
from state.domain import ClientKind, normalise_attribute
from state.settings import NetworkSettings

PHRASES = [phrase for own in THEMES.values() for phrase in own]
THEME_OF = [theme for theme, own in THEMES.items() for _ in own]


def shown(item: Item) -> set[str]:
    """Return the phrases in a book's title and category."""
    title = re.split(", | & ", item.title[0].lower() + item.title[1:])
    return {*title, *filter(None, item.category.split("; "))}


def test_no_word_stands_in_two_phrases() -> None:
    words = Counter(stem(word) for phrase in PHRASES for word in phrase.split())
    assert [word for word, count in words.items() if count > 1] == []
    assert all(map(is_content, words))
    assert all(len(own) == 2 * OF_A_WAVE for own in THEMES.values())
    assert all(len(p.split()) <= 2 and normalise_attribute(p) == p for p in PHRASES)


def test_books_of_one_theme_with_different_phrases_are_not_alike_in_words() -> None:
    world = plant_world(World(seed=0, items=240, communities=8))
    items = world.dataset.items
    rows = TfidfVectorizer().fit_transform(f"{item.title} {item.category}" for item in items)
    alike = (rows @ rows.T).toarray()
    for a, b in combinations(range(len(items)), 2):
        assert (alike[a, b] > 0) == bool(shown(items[a]) & shown(items[b]))


def test_the_offline_encoder_sees_which_phrases_belong_together() -> None:
    near = np.array(OfflineEncoder().similarities(PHRASES))
    same = np.equal.outer(np.array(THEME_OF), np.array(THEME_OF))
    pairs = np.triu(np.ones(same.shape, dtype=bool), 1)
    within, between = near[same & pairs].mean(), near[~same & pairs].mean()
    assert within > 0.25
    assert abs(between) < 0.05
    assert near[pairs].max() < NetworkSettings().same_attribute
    told = f"one theme have a mean cosine of {within:.2f}, two of different themes of {between:.2f}"
    assert told in (SAMPLE / "README.md").read_text()


@pytest.mark.parametrize("seed", range(10))
def test_the_offline_encoder_clusters_a_worlds_phrases_by_theme(seed: int) -> None:
    themes = plant_world(World(seed=seed)).themes
    phrases = {phrase: theme for theme in themes for phrase in THEMES[theme]}
    vectors = np.array(OfflineEncoder().embed_documents(list(phrases)))
    for clusters in (4, 8):
        at = KMeans(clusters, n_init=10, random_state=seed).fit_predict(vectors)
        held = Counter(zip(at.tolist(), phrases.values(), strict=True))
        most = [max(held[place, theme] for theme in themes) for place in range(clusters)]
        assert sum(most) / len(phrases) >= 0.9


@pytest.mark.parametrize("seed", range(4))
def test_a_book_stands_for_the_phrases_planted_in_it(seed: int) -> None:
    world = plant_world(World(seed=seed))
    assert Counter(len(shown(item)) for item in world.dataset.items).keys() == {2, 3}
    for item in world.dataset.items:
        assert shown(item) <= set(world.waves[world.theme[item.key]][world.wave[item.key]])
        profile = initial_item_profile(item.title, item.category)
        fields = ExtractFields(kind=ClientKind.ITEM, profile=profile)
        assert set(extract(fields).attributes) == shown(item)
        profile = initial_user_profile("books", item.title, item.category)
        fields = ExtractFields(kind=ClientKind.USER, profile=profile)
        assert set(extract(fields).attributes) == shown(item)


@pytest.mark.parametrize("seed", range(10))
def test_which_phrases_make_a_wave_cannot_be_read_from_them(seed: int) -> None:
    waves = plant_world(World(seed=seed, items=240, communities=8)).waves
    encoder = OfflineEncoder()
    gaps = []
    for theme, (earlier, later) in waves.items():
        assert sorted((*earlier, *later)) == sorted(THEMES[theme])
        near = np.array(encoder.similarities([*earlier, *later]))
        across = near[:OF_A_WAVE, OF_A_WAVE:].mean()
        pairs = np.triu_indices(OF_A_WAVE, 1)
        within = [near[:OF_A_WAVE, :OF_A_WAVE][pairs], near[OF_A_WAVE:, OF_A_WAVE:][pairs]]
        gaps.append(np.concatenate(within).mean() - across)
    assert abs(np.mean(gaps)) < 0.03


@pytest.mark.parametrize("seed", range(4))
def test_titles_are_unique_and_as_short_as_they_can_be(seed: int) -> None:
    world = plant_world(World(seed=seed))
    assert len({item.title for item in world.dataset.items}) == 60
    lengths = Counter(title_length(item) for item in world.dataset.items)
    assert lengths[1] >= 24
    assert lengths[3] <= 6


def title_length(item: Item) -> int:
    return len(shown(item)) - len(list(filter(None, item.category.split("; "))))


def test_a_wave_has_titles_for_so_many_books_and_no_more() -> None:
    assert math.comb(6, 1) + math.comb(6, 2) + math.comb(6, 3) == TITLES
    full = plant_world(World(items=4 * TITLES, communities=2))
    assert len({item.title for item in full.dataset.items}) == 4 * TITLES
    assert set(Counter((full.theme[key], full.wave[key]) for key in full.theme).values()) == {41}
    with pytest.raises(ValueError, match="too many"):
        World(items=4 * TITLES + 1, communities=2)
