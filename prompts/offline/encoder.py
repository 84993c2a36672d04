"""The offline encoder: hashed character n-grams. Lexical: near means written alike.

Each stem is a unit vector of its signed, hashed n-grams; a text is the sum of its stems, each
counted sublinearly, at unit length. Labels, filler and what a profile avoids are left out, so that
two profiles are not near because both say `Enjoys:`.
"""

import math
from collections import Counter
from functools import lru_cache
from zlib import crc32

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from prompts.offline.phrases import is_content, plain, stem, tokens
from prompts.offline.profile_text import without_scaffolding

DIMENSIONS = 256
SHORTEST, LONGEST = 3, 5

Vector = NDArray[np.float32]


class OfflineEncoder(Embeddings):
    """Texts to unit vectors of 256 numbers, the same on every machine.

    A text without a word is encoded by its characters; a blank one is the zero vector, which the
    store refuses to take for an embedding.
    """

    model_name = f"offline-ngram-{DIMENSIONS}"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text."""
        vector: list[float] = _encode(text).tolist()
        return vector

    def similarities(self, texts: list[str]) -> list[list[float]]:
        """Return the cosines of all pairs of texts."""
        vectors = np.array([_encode(text) for text in texts], dtype=np.float64)
        near: list[list[float]] = (vectors @ vectors.T).astype(np.float32).tolist()
        return near


def _encode(text: str) -> Vector:
    counts = Counter(_words(text))
    total = np.zeros(DIMENSIONS, dtype=np.float32)
    for word, count in sorted(counts.items()):
        total += np.float32(1.0 + math.log(count)) * _word_vector(word)
    return _unit(total)


def _words(text: str) -> list[str]:
    """Return the stems that carry content; where none does, those of all words or characters."""
    said = tokens(plain(without_scaffolding(text)).lower())
    words = [word for word in said if is_content(word)] or said or plain(text).lower().split()
    return [stem(word) or word for word in words]


@lru_cache(maxsize=16_384)
def _word_vector(word: str) -> Vector:
    padded = f" {word} "
    counts = Counter(
        padded[start : start + size]
        for size in range(SHORTEST, LONGEST + 1)
        for start in range(len(padded) - size + 1)
    )
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for ngram, count in counts.items():
        code = crc32(ngram.encode("utf-8", "replace"))
        sign = 1.0 if code >> 31 else -1.0
        vector[code % DIMENSIONS] += sign * (1.0 + math.log(count))
    return _unit(vector)


def _unit(vector: Vector) -> Vector:
    # Summed in double precision, or the last bits would depend on the processor.
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return vector / np.float32(length) if length > 0.0 else vector
