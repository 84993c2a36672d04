"""Rows of a table: seeds pooled within a user, one family of comparisons."""

from collections.abc import Mapping

import pytest

from evals.candidates import PROBED, SHOWN, Negatives
from evals.metrics import expected_random, ndcg
from evals.paper.comparison import compare_probes, compare_rows
from evals.ranking import RankingResult
from evals.statistics import paired_p
from state.dataset import Split


def made(
    ranker: str, ranks: Mapping[str, tuple[int, ...]], kind: Negatives = Negatives.SAMPLED
) -> RankingResult:
    return RankingResult(
        ranker=ranker, split=Split.TEST, negatives=kind, size=10, ranks=dict(ranks)
    )


def both(ranker: str, *seeds: Mapping[str, tuple[int, ...]]) -> list[RankingResult]:
    return [made(ranker, ranks, kind) for kind in SHOWN for ranks in seeds]


def test_ranks_of_all_seeds_are_averaged_within_a_user_first() -> None:
    rows = {
        "ours": both("ours", {"ann": (1, 2), "bob": (3,)}, {"ann": (4,), "bob": (1,)}),
        "theirs": both("theirs", {"ann": (2, 2), "bob": (5,)}, {"ann": (2,), "bob": (5,)}),
    }
    rows_by_kind = compare_rows(rows, "theirs")[Negatives.SAMPLED]
    ann = (ndcg(1, 10) + ndcg(2, 10) + ndcg(4, 10)) / 3
    bob = (ndcg(3, 10) + ndcg(1, 10)) / 2
    assert rows_by_kind[0].figures[-1].mean == pytest.approx((ann + bob) / 2)
    assert rows_by_kind[0].comparison is not None
    assert rows_by_kind[0].comparison.difference == pytest.approx(
        (ann + bob) / 2 - (ndcg(2, 10) + ndcg(5, 10)) / 2
    )
    assert rows_by_kind[1].comparison is None


def test_only_users_that_every_seed_could_ask_for_count() -> None:
    ours = both("ours", {"ann": (1,), "bob": (2,), "cy": (1,)}, {"ann": (1,), "bob": (3,)})
    rows_by_kind = compare_rows({"ours": ours, "same": ours}, "same")
    assert [row.users for own in rows_by_kind.values() for row in own] == [2, 2, 2, 2]


def test_all_comparisons_of_a_table_are_one_family() -> None:
    users = [f"u{n}" for n in range(12)]
    best = dict.fromkeys(users, (1,))
    good: dict[str, tuple[int, ...]] = {user: (1 if n % 2 else 2,) for n, user in enumerate(users)}
    poor = dict.fromkeys(users, (9,))
    rows = {"best": both("best", best), "good": both("good", good), "poor": both("poor", poor)}
    rows_by_kind = compare_rows(rows, "best")
    raw = paired_p([ndcg(9, 10)] * 12, [1.0] * 12)
    # Two rows under two kinds of negatives: four comparisons, the smallest p times four.
    assert rows_by_kind[Negatives.SAMPLED][2].p == pytest.approx(4 * raw)
    assert rows_by_kind[Negatives.MATCHED][1].p == rows_by_kind[Negatives.SAMPLED][1].p
    assert all(row.p is None for own in rows_by_kind.values() for row in own if row.name == "best")


def test_each_seed_has_its_own_mean() -> None:
    rows = {
        "ours": both("ours", {"ann": (1,), "bob": (1,)}, {"ann": (2,), "bob": (2,)}),
        "theirs": both("theirs", {"ann": (3,), "bob": (3,)}, {"ann": (3,), "bob": (3,)}),
    }
    ours, theirs = compare_rows(rows, "theirs")[Negatives.MATCHED]
    assert ours.by_seed == pytest.approx((1.0, ndcg(2, 10)))
    assert theirs.by_seed == pytest.approx((0.5, 0.5))


def test_a_probe_is_held_against_a_random_order_and_its_p_is_not_corrected() -> None:
    users = [f"u{n}" for n in range(12)]
    leak = [made("leak", dict.fromkeys(users, (1,)), kind) for kind in PROBED]
    chance = expected_random(10, 10)
    (row,) = compare_probes({"leak": leak})[Negatives.MATCHED]
    assert row.comparison is not None
    assert row.comparison.difference == pytest.approx(1 - chance)
    raw = paired_p([1.0] * 12, [chance] * 12)
    assert row.p == raw  # though it is read under three kinds of negatives
    assert row.p_near == 1
    assert compare_probes({}) == {kind: [] for kind in PROBED}


@pytest.mark.slow
def test_a_probe_at_chance_is_shown_to_be_so_by_enough_users() -> None:
    def near(users: int) -> float | None:
        ranks = {f"u{n}": tuple(range(1, 11)) if n % 2 else (2, 4) for n in range(users)}
        found = compare_probes({"p": [made("p", ranks, kind) for kind in PROBED]})
        return found[Negatives.EQUAL][0].p_near

    few, many = near(4), near(400)
    assert few is not None
    assert many is not None
    assert many < 0.05 < few


def test_probes_are_not_read_where_too_few_users_have_such_negatives() -> None:
    ranks: dict[str, tuple[int, ...]] = {"ann": (1,), "bob": (2,)}
    alone = made("leak", {"ann": (1,)}, Negatives.EQUAL)
    assert compare_probes({"leak": [*both("leak", ranks), alone]}).keys() == set(SHOWN)
