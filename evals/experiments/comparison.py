"""Results as rows: seeds pooled within a user, compared with one row, corrected for how many."""

from collections.abc import Mapping, Sequence

from evals.candidates import SHOWN, Negatives
from evals.metrics import CUTOFFS
from evals.ranking import Reading, pool
from evals.statistics import Comparison, bootstrap_interval, compare, holm
from evals.tables import JUDGED, Figure
from state.domain import Frozen


class Line(Frozen):
    """One row under one kind of negatives."""

    name: str
    users: int
    figures: tuple[Figure, ...]
    comparison: Comparison | None = None
    """Against the table's reference at NDCG@10."""
    p: float | None = None
    """The p-value of that, corrected by Holm for all comparisons of the table."""


def compare_rows(
    readings: Mapping[str, Sequence[Reading]], reference: str
) -> dict[Negatives, list[Line]]:
    """Return the rows under each kind of negatives, in the order of `readings`.

    Args:
        readings: those of each row, over seeds and kinds of negatives.
        reference: the row that the others are compared with.

    All comparisons of a table are one family, both kinds of negatives together: each is a claim
    that the table invites.
    """
    kinds = {kind: {name: _pooled(own, kind) for name, own in readings.items()} for kind in SHOWN}
    lines = {kind: _lines(pooled, reference) for kind, pooled in kinds.items()}
    compared = [line for own in lines.values() for line in own if line.comparison]
    corrected = holm([line.comparison.p for line in compared if line.comparison])
    by_line = {id(line): p for line, p in zip(compared, corrected, strict=True)}
    return {
        kind: [line.model_copy(update={"p": by_line.get(id(line))}) for line in own]
        for kind, own in lines.items()
    }


def _pooled(readings: Sequence[Reading], kind: Negatives) -> Reading:
    """Return one reading over all seeds, of the users that each of them could be asked for."""
    own = [reading for reading in readings if reading.negatives is kind]
    users = set.intersection(*(set(reading.ranks) for reading in own))
    kept = [
        r.model_copy(update={"ranks": {u: ranks for u, ranks in r.ranks.items() if u in users}})
        for r in own
    ]
    return pool(kept)


def _lines(pooled: Mapping[str, Reading], reference: str) -> list[Line]:
    against = pooled[reference].user_means(JUDGED)
    lines = []
    for name, reading in pooled.items():
        own = reading.user_means(JUDGED)
        comparison = None
        if name != reference:
            comparison = compare([own[u] for u in against], list(against.values()))
        lines.append(
            Line(
                name=name,
                users=len(reading.ranks),
                figures=_figures(reading),
                comparison=comparison,
            )
        )
    return lines


def _figures(reading: Reading) -> tuple[Figure, ...]:
    figures = []
    for k in CUTOFFS:
        values = list(reading.user_means(k).values())
        figures.append(
            Figure(k=k, mean=sum(values) / len(values), interval=bootstrap_interval(values))
        )
    return tuple(figures)
