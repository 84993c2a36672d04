"""Results as rows: seeds pooled within a user, compared, corrected for how many are.

Methods are compared with one of them, the reference; probes with a random order.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from evals.candidates import PROBED, SHOWN, Negatives
from evals.metrics import CUTOFFS, random_line
from evals.ranking import RankingResult, pool
from evals.statistics import Comparison, bootstrap_interval, compare, equivalence_p, holm
from evals.tables import JUDGED, Figure
from state.domain import Frozen

NEAR = 0.05
"""How far from a random order, in NDCG@10, a probe still says nothing to speak of."""


class Line(Frozen):
    """One row under one kind of negatives."""

    name: str
    users: int
    figures: tuple[Figure, ...]
    by_seed: tuple[float, ...]
    """NDCG@10 of each training seed."""
    comparison: Comparison | None = None
    """Against the table's reference at NDCG@10; of a probe, against a random order."""
    p: float | None = None
    """The p-value of that, corrected by Holm for all comparisons of the table; of a probe, not."""
    near: float | None = None
    """Of a probe, the p-value of its being no further than `NEAR` from a random order."""


Lines = dict[Negatives, list[Line]]


def compare_rows(readings: Mapping[str, Sequence[RankingResult]], reference: str) -> Lines:
    """Return the rows under each kind of negatives, in the order of `readings`.

    Args:
        readings: those of each row, over seeds and kinds of negatives.
        reference: the row that the others are compared with.

    All comparisons of a table are one family, both kinds of negatives together: each is a claim
    that the table invites.
    """
    lines: Lines = {}
    for kind in SHOWN:
        rows = {name: _of_kind(own, kind) for name, own in readings.items()}
        against = pool(rows[reference]).user_means(JUDGED)
        lines[kind] = [
            _line(name, own, None if name == reference else against) for name, own in rows.items()
        ]
    return _corrected(lines)


def compare_probes(readings: Mapping[str, Sequence[RankingResult]]) -> Lines:
    """Return the probes under each kind of negatives, against what a random order is expected of.

    Not corrected: that would let a leak pass. That none is found does not show that there is none,
    so a second test asks whether each is as good as at chance. Kinds of which fewer than two users
    have enough negatives are left out.
    """
    lines: Lines = {}
    for kind in PROBED:
        rows = {name: _of_kind(own, kind) for name, own in readings.items()}
        if any(len(own[0].ranks) < 2 for own in rows.values()):
            continue
        lines[kind] = [_beside_chance(name, own) for name, own in rows.items()]
    return lines


def _beside_chance(name: str, seeds: list[RankingResult]) -> Line:
    chance = random_line(seeds[0].size, JUDGED)
    line = _line(name, seeds, dict.fromkeys(seeds[0].ranks, chance))
    above = [value - chance for value in pool(seeds).user_means(JUDGED).values()]
    p = line.comparison.p if line.comparison else None
    return line.model_copy(update={"p": p, "near": equivalence_p(above, NEAR)})


def _of_kind(readings: Sequence[RankingResult], kind: Negatives) -> list[RankingResult]:
    """Return a reading for each seed, of the users that each of them could be asked for."""
    own = [reading for reading in readings if reading.negatives is kind]
    users = set.intersection(*(set(reading.ranks) for reading in own))
    return [
        r.model_copy(update={"ranks": {u: ranks for u, ranks in r.ranks.items() if u in users}})
        for r in own
    ]


def _line(name: str, seeds: list[RankingResult], against: Mapping[str, float] | None) -> Line:
    own = pool(seeds).user_means(JUDGED)
    comparison = None
    if against is not None:
        comparison = compare([own[user] for user in against], list(against.values()))
    return Line(
        name=name,
        users=len(own),
        figures=_figures(pool(seeds)),
        by_seed=tuple(fmean(seed.user_means(JUDGED).values()) for seed in seeds),
        comparison=comparison,
    )


def _corrected(lines: Lines) -> Lines:
    """Return lines with p-values that are corrected for all of their comparisons."""
    compared = [line for own in lines.values() for line in own if line.comparison]
    corrected = holm([line.comparison.p for line in compared if line.comparison])
    by_line = {id(line): p for line, p in zip(compared, corrected, strict=True)}
    return {
        kind: [line.model_copy(update={"p": by_line.get(id(line))}) for line in own]
        for kind, own in lines.items()
    }


def _figures(reading: RankingResult) -> tuple[Figure, ...]:
    figures = []
    for k in CUTOFFS:
        values = list(reading.user_means(k).values())
        figures.append(
            Figure(k=k, mean=sum(values) / len(values), interval=bootstrap_interval(values))
        )
    return tuple(figures)
