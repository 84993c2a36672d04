"""Match attributes to the vocabulary of a network: equal attributes become one phrase."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nodes.step import Step
from state.db.pool import Connection
from state.store.attributes import read_phrases, read_vocabulary
from state.vectors import Vector, cosines


@dataclass(frozen=True, slots=True)
class VocabularyMatch:
    """The vocabulary with the phrases of one step matched to it."""

    canonical: Mapping[str, str]
    """For each phrase that was matched, the attribute it stands for."""
    vectors: Mapping[str, Vector]
    """Unit vectors of all attributes, by phrase."""
    ids: Mapping[str, int]
    """Ids of all attributes; new ones have theirs already and are written at the commit."""
    new: tuple[str, ...]
    """Attributes that the stored vocabulary does not hold, by id."""


async def match_vocabulary(step: Step, phrases: Iterable[str]) -> VocabularyMatch:
    """Match each phrase to itself, else to the nearest attribute above the threshold.

    The threshold is the setting `same_attribute`, a cosine. A phrase that is near to none becomes a
    new attribute. Phrases are matched in alphabetical order, so that the outcome does not depend on
    who named them first.
    """
    async with step.connection() as conn:
        known = await read_vocabulary(conn, step.network.id)
    threshold = step.network.settings.same_attribute
    names = list(known.phrases)
    canonical = {name: name for name in names}
    unknown = sorted(set(phrases) - set(names))
    embedded = await step.embed(unknown)
    size = max(known.vectors.shape[1], embedded.shape[1])
    # Double precision from the start: `cosines` would convert all rows for each phrase.
    rows = np.zeros((len(names) + len(unknown), size), dtype=np.float64)
    if names:
        rows[: len(names)] = known.vectors
    for phrase, vector in zip(unknown, embedded, strict=True):
        near = cosines(rows[: len(names)], vector)
        if names and near.max() >= threshold:
            canonical[phrase] = names[int(near.argmax())]
            continue
        canonical[phrase] = phrase
        rows[len(names)] = vector
        names.append(phrase)
    new = tuple(names[len(known.phrases) :])
    start = max(known.ids, default=0) + 1
    vectors = rows[: len(names)].astype(np.float32)
    return VocabularyMatch(
        canonical=canonical,
        vectors=dict(zip(names, vectors, strict=True)),
        ids=dict(zip(names, (*known.ids, *range(start, start + len(new))), strict=True)),
        new=new,
    )


async def read_attribute_phrases(
    conn: Connection, network: int, held: Mapping[int, Sequence[int]]
) -> dict[int, tuple[str, ...]]:
    """Return the attributes of clients or routers as phrases, by owner."""
    ids = sorted({attribute for attributes in held.values() for attribute in attributes})
    phrases = await read_phrases(conn, network, ids)
    return {owner: tuple(phrases[a] for a in attributes) for owner, attributes in held.items()}
