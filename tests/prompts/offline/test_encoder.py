"""The offline encoder: unit vectors, near where texts are written alike."""

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.offline.encoder import DIMENSIONS, OfflineEncoder

ENCODER = OfflineEncoder()


def _cosine(one: str, two: str) -> float:
    return float(np.dot(ENCODER.embed_query(one), ENCODER.embed_query(two)))


@given(st.text(min_size=1).filter(lambda text: bool(text.split())))
def test_every_text_has_unit_length(text: str) -> None:
    vector = ENCODER.embed_query(text)
    assert len(vector) == DIMENSIONS
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_blank_text_has_no_direction() -> None:
    assert not any(ENCODER.embed_query("  \n"))


def test_phrases_written_alike_are_near_and_others_are_not() -> None:
    assert _cosine("progressive rock", "progressive rocks") > 0.85
    assert _cosine("progressive rock", "Progressive Rock!") == pytest.approx(1.0, abs=1e-6)
    assert 0.3 < _cosine("progressive rock", "hard rock") < 0.8
    unrelated = ["progressive rock", "latin jazz", "banjo", "steve winwood", "chamber music"]
    pairs = [_cosine(a, b) for a in unrelated for b in unrelated if a < b]
    assert max(map(abs, pairs)) < 0.25


def test_the_scaffolding_of_profiles_does_not_make_them_alike() -> None:
    one = "A person who enjoys CDs.\nEnjoys: banjo.\nLately hears of: mandolin.\nAvoids: techno."
    two = "A person who enjoys CDs.\nEnjoys: techno.\nLately hears of: trance.\nAvoids: banjo."
    assert abs(_cosine(one, two)) < 0.2
    assert _cosine(one, "banjo") > 0.5
    assert _cosine(one, "Liked here: banjo; mandolin.") > 0.9


def test_the_same_text_has_the_same_vector_everywhere() -> None:
    vector = ENCODER.embed_query("folk")
    assert vector == OfflineEncoder().embed_query("folk")
    # Another number is another encoder: networks that were made with the old one must refuse it.
    assert crc32(np.sign(vector).astype(np.int8).tobytes()) == 351428886
