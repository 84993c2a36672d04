"""Rows of a table: seeds pooled within a user, compared, corrected for the number of comparisons.

Rankers are compared with one of them, the reference; probes with the random order.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from evals.candidates import PROBED, SHOWN, Negatives
from evals.metrics import expected_random
from evals.ranking import RankingResult, pool
from evals.statistics import equivalence_p, holm
from evals.tables import COMPARED_AT, TableRow, make_row

NEAR = 0.05
"""A probe this close to a random order, in NDCG@10, counts as being at chance."""

Rows = dict[Negatives, list[TableRow]]


def compare_rows(results: Mapping[str, Sequence[RankingResult]], reference: str) -> Rows:
    """Return the rows under each kind of negatives, compared with the row `reference`.

    `results` holds for each row its results, over seeds and kinds of negatives. The p-values are
    corrected for all comparisons of the table, both kinds of negatives together.
    """
    rows: Rows = {}
    for kind in SHOWN:
        seeds = {name: _of_kind(own, kind) for name, own in results.items()}
        against = pool(seeds[reference]).user_means(COMPARED_AT)
        rows[kind] = [
            _row(own, None if name == reference else against) for name, own in seeds.items()
        ]
    raw = [row.comparison.p for own in rows.values() for row in own if row.comparison]
    corrected = iter(holm(raw))
    return {
        kind: [
            row.model_copy(update={"p": next(corrected)}) if row.comparison else row for row in own
        ]
        for kind, own in rows.items()
    }


def compare_probes(results: Mapping[str, Sequence[RankingResult]]) -> Rows:
    """Return the probes under each kind of negatives, compared with the random order.

    Their p-values are not corrected: that would let a leak pass. Because a leak that is not found
    may still be there, a second test asks whether a probe is as good as at chance. Kinds of which
    fewer than two users have enough negatives are left out.
    """
    rows: Rows = {}
    for kind in PROBED:
        seeds = [_of_kind(own, kind) for own in results.values()]
        if all(len(own[0].ranks) > 1 for own in seeds):
            rows[kind] = [_probe_row(own) for own in seeds]
    return rows


def _probe_row(seeds: list[RankingResult]) -> TableRow:
    chance = expected_random(seeds[0].size, COMPARED_AT)
    row = _row(seeds, dict.fromkeys(seeds[0].ranks, chance))
    above = [value - chance for value in pool(seeds).user_means(COMPARED_AT).values()]
    p = row.comparison.p if row.comparison else None
    return row.model_copy(update={"p": p, "p_near": equivalence_p(above, NEAR)})


def _row(seeds: list[RankingResult], against: Mapping[str, float] | None) -> TableRow:
    by_seed = tuple(fmean(seed.user_means(COMPARED_AT).values()) for seed in seeds)
    return make_row(pool(seeds), against).model_copy(update={"by_seed": by_seed})


def _of_kind(results: Sequence[RankingResult], kind: Negatives) -> list[RankingResult]:
    """Return the result of each seed, for the users that have tasks with every seed."""
    own = [result for result in results if result.negatives is kind]
    users = set.intersection(*(set(result.ranks) for result in own))
    return [
        r.model_copy(update={"ranks": {u: ranks for u, ranks in r.ranks.items() if u in users}})
        for r in own
    ]
