"""The words of a theme are related for the offline encoder, and not for a comparison of words."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from evals.datasets.registry import SAMPLE
from evals.planted.books import SUBJECTS, titles_of_a_wave
from evals.planted.words import AUTHORS, NOUNS, THEMES
from evals.planted.world import Planted, World, plant_world
from prompts.attributes import ExtractFields
from prompts.initial_profiles import initial_item_profile
from prompts.offline.attributes import extract
from prompts.offline.encoder import OfflineEncoder
from prompts.offline.phrases import is_content, stem, tokens
from state.dataset import Item
from state.domain import ClientKind, normalise_attribute
from state.settings import NetworkSettings

PHRASES = [subject for own in THEMES.values() for subject in own]
THEME_OF = [theme for theme, own in THEMES.items() for _ in own]


def shelf(world: Planted, item: Item) -> tuple[str, int]:
    return world.theme[item.key], world.wave[item.key]


def words_of(text: str) -> set[str]:
    return {stem(word) for word in tokens(text.lower()) if word not in ENGLISH_STOP_WORDS}


def test_no_word_is_in_two_subjects_titles_or_authors() -> None:
    entries = [f"{subject} {title}" for own in THEMES.values() for subject, title in own.items()]
    words = Counter(word for text in (*entries, *NOUNS, *AUTHORS) for word in words_of(text))
    assert [word for word, count in words.items() if count > 1] == []
    assert all(map(is_content, words))
    assert all(len(own) == 2 * SUBJECTS for own in THEMES.values())
    assert all(len(p.split()) <= 3 and normalise_attribute(p) == p for p in PHRASES)


@pytest.mark.parametrize("seed", range(4))
def test_books_of_different_waves_share_no_word(seed: int) -> None:
    world = plant_world(World(seed=seed, items=240, communities=8))
    items = world.dataset.items
    texts = [f"{item.title} {item.category}" for item in items]
    for (one, text), (other, another) in combinations(zip(items, texts, strict=True), 2):
        if shelf(world, one) != shelf(world, other):
            assert not words_of(text) & words_of(another)
    rows = TfidfVectorizer(stop_words="english").fit_transform(texts)
    alike = (rows @ rows.T).toarray() > 0
    waves = [shelf(world, item) for item in items]
    same = np.array([[a == b for b in waves] for a in waves])
    assert not alike[~same].any()
    assert alike[same].mean() > 0.3


@pytest.mark.parametrize("seed", range(4))
def test_a_book_shows_two_or_three_subjects_of_its_wave(seed: int) -> None:
    world = plant_world(World(seed=seed))
    assert Counter(world.theme.values()) == dict.fromkeys(world.themes, 15)
    for item in world.dataset.items:
        theme, at = shelf(world, item)
        wave = world.waves[theme][at]
        title, author = item.title.split(", by ")
        listed = item.category.split("; ")
        assert author in wave.authors
        assert len(listed) in (1, 2)
        assert set(listed) <= set(wave.subjects)
        [named] = [s for s in wave.subjects if title.startswith(f"The {THEMES[theme][s]} ")]
        assert named not in listed
        assert title.removeprefix(f"The {THEMES[theme][named]} ") in wave.nouns


@pytest.mark.parametrize("seed", range(4))
def test_the_offline_model_reads_the_subjects_of_a_book(seed: int) -> None:
    for item in plant_world(World(seed=seed)).dataset.items:
        profile = initial_item_profile(item.title, item.category)
        found = extract(ExtractFields(kind=ClientKind.ITEM, profile=profile)).attributes
        title, author = item.title.lower().split(", by ")
        assert set(found) == {*item.category.split("; "), title.removeprefix("the "), author}


def test_the_offline_encoder_sees_which_subjects_belong_together() -> None:
    near = np.array(OfflineEncoder().similarities(PHRASES))
    same = np.equal.outer(np.array(THEME_OF), np.array(THEME_OF))
    pairs = np.triu(np.ones(same.shape, dtype=bool), 1)
    within, between = near[same & pairs].mean(), near[~same & pairs].mean()
    assert within > 0.12
    assert abs(between) < 0.02
    assert near[pairs].max() < NetworkSettings().same_attribute
    stated = (
        f"one theme have a mean cosine of {within:.2f}, two of different themes of {between:.2f}"
    )
    assert stated in " ".join((SAMPLE / "README.md").read_text().split())


def test_the_offline_encoder_clusters_the_subjects_by_theme() -> None:
    shares = []
    clusters = NetworkSettings().routers
    for seed in range(10):
        themes = plant_world(World(seed=seed)).themes
        subjects = {subject: theme for theme in themes for subject in THEMES[theme]}
        vectors = np.array(OfflineEncoder().embed_documents(list(subjects)))
        at = KMeans(clusters, n_init=10, random_state=seed).fit_predict(vectors)
        held = Counter(zip(at.tolist(), subjects.values(), strict=True))
        most = [max(held[place, theme] for theme in themes) for place in range(clusters)]
        shares.append(sum(most) / len(subjects))
    assert min(shares) > 0.8
    assert np.mean(shares) > 0.93


def test_which_subjects_make_a_wave_cannot_be_read_from_them() -> None:
    encoder = OfflineEncoder()
    gaps = []
    for seed in range(10):
        waves = plant_world(World(seed=seed, items=240, communities=8)).waves
        for theme, (earlier, later) in waves.items():
            assert sorted((*earlier.subjects, *later.subjects)) == sorted(THEMES[theme])
            near = np.array(encoder.similarities([*earlier.subjects, *later.subjects]))
            across = near[:SUBJECTS, SUBJECTS:].mean()
            pairs = np.triu_indices(SUBJECTS, 1)
            within = [near[:SUBJECTS, :SUBJECTS][pairs], near[SUBJECTS:, SUBJECTS:][pairs]]
            gaps.append(np.concatenate(within).mean() - across)
    assert abs(np.mean(gaps)) < 0.01


@pytest.mark.parametrize("communities", [2, 4, 8])
def test_titles_are_distinct_in_the_largest_world_and_no_world_is_larger(communities: int) -> None:
    most = titles_of_a_wave(communities)
    items = 2 * most * communities
    assert items >= 1_000
    full = plant_world(World(items=items, communities=communities))
    assert len({item.title.split(", by ")[0] for item in full.dataset.items}) == items
    held = Counter(shelf(full, item) for item in full.dataset.items)
    assert set(held.values()) == {most}
    with pytest.raises(ValueError, match="too many"):
        World(items=items + 1, communities=communities)
