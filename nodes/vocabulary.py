"""One vocabulary: equal attributes become one phrase (DESIGN §5, decision 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodes.resources import resources
from nodes.step import Step
from state.store.attributes import Vocabulary, read_vocabulary
from state.vectors import Vector, cosines


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The vocabulary as one step sees it: known attributes and those that are new now."""

    canonical: Mapping[str, str]
    """For each phrase that was looked up, the attribute it stands for."""
    vectors: Mapping[str, Vector]
    """Unit vectors of all attributes, by phrase."""
    ids: Mapping[str, int]
    """Ids of all attributes; new ones have theirs already and are written at the commit."""
    new: tuple[str, ...]
    """Attributes the stored vocabulary does not hold, by id."""


async def look_up(step: Step, phrases: Iterable[str]) -> Lexicon:
    """Map phrases onto the vocabulary: itself, else the nearest attribute above the threshold.

    Phrases are taken in alphabetical order, so the outcome does not depend on who named them first.
    """
    async with resources().pool.connection() as conn:
        known = await read_vocabulary(conn, step.network.id)
    unknown = sorted(set(phrases) - set(known.phrases))
    vectors = await step.embed(unknown) if unknown else np.zeros((0, 0))
    grown = _Grown(known, step.network.settings.same_attribute, extra=len(unknown))
    canonical = {phrase: phrase for phrase in known.phrases}
    for phrase, vector in zip(unknown, vectors, strict=True):
        canonical[phrase] = grown.place(phrase, np.asarray(vector, dtype=np.float32))
    start = max(known.ids, default=0) + 1
    new = tuple(grown.phrases[len(known.phrases) :])
    return Lexicon(
        canonical=canonical,
        vectors=dict(zip(grown.phrases, grown.vectors(), strict=True)),
        ids=dict(zip(known.phrases, known.ids, strict=True))
        | {phrase: number for number, phrase in enumerate(new, start)},
        new=new,
    )


class _Grown:
    """A vocabulary that takes in phrases one by one."""

    def __init__(self, known: Vocabulary, threshold: float, extra: int) -> None:
        self.phrases = list(known.phrases)
        self._threshold = threshold
        self._known = known.vectors
        self._extra = extra
        self._matrix: NDArray[np.floating] = known.vectors

    def place(self, phrase: str, vector: Vector) -> str:
        """Return the attribute the phrase stands for, which is itself where none is near."""
        size = len(self.phrases)
        if len(self._matrix) < size + 1:
            self._reserve(len(vector))
        if size:
            near = cosines(self._matrix[:size], vector)
            nearest = int(np.argmax(near))
            if near[nearest] >= self._threshold:
                return self.phrases[nearest]
        self._matrix[size] = vector
        self.phrases.append(phrase)
        return phrase

    def vectors(self) -> Vector:
        """Return the unit rows of its phrases."""
        return self._matrix[: len(self.phrases)].astype(np.float32, copy=False)

    def _reserve(self, dimensions: int) -> None:
        # In double precision at once: `cosines` would widen it for each phrase.
        matrix = np.zeros((len(self._known) + self._extra, dimensions), dtype=np.float64)
        if len(self._known):
            matrix[: len(self._known)] = self._known
        self._matrix = matrix
