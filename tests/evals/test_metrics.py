"""NDCG by hand, and the lines that stand beside every table."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from evals.metrics import CUTOFFS, expected_random, floor, ndcg


@pytest.mark.parametrize(
    ("rank", "k", "value"),
    [
        (1, 1, 1.0),
        (2, 1, 0.0),
        (2, 5, 1 / math.log2(3)),
        (3, 5, 0.5),
        (5, 5, 0.38685280723),
        (6, 5, 0.0),
        (7, 10, 1 / 3),
        (10, 10, 0.28906482631),
        (11, 10, 0.0),
    ],
)
def test_ndcg_by_hand(rank: int, k: int, value: float) -> None:
    assert ndcg(rank, k) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("k", CUTOFFS)
@pytest.mark.parametrize("candidates", [2, 10, 20])
def test_ndcg_is_that_of_scikit_learn(candidates: int, k: int) -> None:
    for rank in range(1, candidates + 1):
        relevance = np.zeros((1, candidates))
        relevance[0, rank - 1] = 1
        scores = -np.arange(candidates, dtype=float)[np.newaxis]  # as they stand
        assert ndcg(rank, k) == pytest.approx(ndcg_score(relevance, scores, k=k))


@pytest.mark.parametrize(("rank", "k"), [(0, 10), (-1, 10), (1, 0)])
def test_ranks_and_cutoffs_start_at_one(rank: int, k: int) -> None:
    with pytest.raises(ValueError, match="start at 1"):
        ndcg(rank, k)


def test_floor_and_random_ndcg_of_ten_candidates_have_known_values() -> None:
    assert round(floor(10, 10), 3) == 0.289
    assert (floor(10, 1), floor(10, 5)) == (0, 0)
    lines = [round(expected_random(10, k), 3) for k in (1, 5, 10)]
    assert lines == [0.1, 0.295, 0.454]


def test_other_sizes() -> None:
    assert floor(1, 10) == expected_random(1, 10) == 1
    assert expected_random(2, 10) == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert floor(20, 10) == 0
