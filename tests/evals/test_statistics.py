"""Statistics agree with scipy called directly, with textbook cases, and with what they claim."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evals.statistics import (
    RESAMPLES,
    bootstrap_interval,
    compare,
    equivalence_p,
    holm,
    noninferiority_p,
    paired_p,
    smallest_difference,
)


def users(count: int, seed: int, mean: float = 0.5) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, 0.2, count)]


def test_the_interval_is_scipys() -> None:
    values = users(60, 1)
    direct = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=7
    ).confidence_interval
    interval = bootstrap_interval(values, seed=8)
    # Other resamples of the same users: the ends agree within the bootstrap's own noise.
    assert interval.low == pytest.approx(direct.low, abs=0.003)
    assert interval.high == pytest.approx(direct.high, abs=0.003)
    assert interval == bootstrap_interval(values, seed=8)


def test_the_interval_of_two_users_by_hand() -> None:
    # Of the four ways to draw two users out of two, one has both at 0 and one both at 1.
    interval = bootstrap_interval([0, 1])
    assert (interval.low, interval.high) == (0, 1)


def test_the_interval_is_that_of_resampling_by_hand() -> None:
    values = np.asarray(users(30, 11))
    chance = np.random.default_rng(12)
    means = [values[chance.integers(0, 30, 30)].mean() for _ in range(5_000)]
    low, high = np.percentile(means, [2.5, 97.5])
    interval = bootstrap_interval(values)
    assert interval.low == pytest.approx(low, abs=0.006)
    assert interval.high == pytest.approx(high, abs=0.006)


def test_the_interval_is_about_two_standard_errors_wide() -> None:
    values = users(400, 2)
    error = np.std(values, ddof=1) / np.sqrt(400)
    interval = bootstrap_interval(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_equal_users_have_an_interval_of_no_width() -> None:
    interval = bootstrap_interval([0.25] * 5)
    assert (interval.low, interval.high) == (0.25, 0.25)


def test_the_paired_test_is_exact_for_few_users() -> None:
    # Of the 2^6 ways to swap six users' pairs only two are as extreme as all six on one side.
    first = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    second = [value - 0.25 for value in first]
    assert paired_p(first, second) == pytest.approx(2 / 64)


def test_the_paired_test_is_scipys() -> None:
    first, second = users(50, 3), users(50, 4, mean=0.44)
    direct = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=5,
    )
    assert paired_p(first, second, seed=6) == pytest.approx(direct.pvalue, abs=0.02)
    assert paired_p(first, first) == 1


@pytest.mark.parametrize(
    ("units", "quantiles"),  # t with 3, 9 and 99 degrees of freedom, as printed in tables
    [(4, 3.1824 + 0.9785), (10, 2.2622 + 0.8834), (100, 1.9842 + 0.8453)],
)
def test_the_smallest_difference_by_hand(units: int, quantiles: float) -> None:
    error = 0.1 / np.sqrt(units - 1)  # of as many 0.1 as -0.1
    smallest = smallest_difference([0.1, -0.1] * (units // 2))
    assert smallest == pytest.approx(quantiles * error, rel=1e-4)


@pytest.mark.parametrize("units", [5, 10, 100])
def test_the_smallest_difference_is_found_four_times_in_five(units: int) -> None:
    noise = np.random.default_rng(9).normal(0, 0.2, (4_000, units))
    true = smallest_difference(0.2 * stats.zscore(noise[0], ddof=1))
    found = np.asarray(stats.ttest_1samp(noise + true, 0, axis=1).pvalue) < 0.05
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)


def test_a_comparison_says_all_of_it() -> None:
    first, second = users(80, 5, mean=0.6), users(80, 6)
    pair = compare(first, second)
    differences = np.subtract(first, second)
    assert pair.users == 80
    assert pair.difference == pytest.approx(differences.mean())
    assert pair.interval.low < pair.difference < pair.interval.high
    assert pair.p == paired_p(first, second)
    assert pair.smallest == smallest_difference(differences)


def test_one_user_says_nothing_and_pairs_must_pair() -> None:
    with pytest.raises(ValueError, match="at least two users or worlds"):
        bootstrap_interval([0.5])
    with pytest.raises(ValueError, match="pairs needed, got 3 and 2"):
        compare([0.1, 0.2, 0.3], [0.1, 0.2])


def test_a_mean_above_minus_the_margin_by_hand() -> None:
    # Mean 2 and standard error 1/sqrt(3), so t = 3 sqrt(3) from -1; with two degrees of freedom the
    # tail of t is 1/2 - t / (2 sqrt(t² + 2)).
    t = 3 * np.sqrt(3)
    p = 0.5 - t / (2 * np.sqrt(t**2 + 2))
    assert noninferiority_p([1, 2, 3], 1) == pytest.approx(p)
    assert noninferiority_p([-3, -2, -1], 5) == pytest.approx(p)
    assert noninferiority_p([-3, -2, -1], 2) == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(5))
def test_the_one_sided_tests_are_scipys(seed: int) -> None:
    first, second = users(10, seed), users(10, seed + 100)
    differences = np.subtract(first, second)
    above = stats.ttest_rel(np.add(first, 0.1), second, alternative="greater").pvalue
    below = stats.ttest_rel(np.subtract(first, 0.1), second, alternative="less").pvalue
    assert noninferiority_p(differences, 0.1) == pytest.approx(above)
    assert equivalence_p(differences, 0.1) == pytest.approx(max(above, below))


def test_equivalence_is_a_90_percent_interval_within_the_margin() -> None:
    claimed = []
    for seed in range(40):
        differences = np.subtract(users(10, seed), 0.5)
        low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.90)
        claimed.append(low > -0.15 and high < 0.15)
        assert claimed[-1] == (equivalence_p(differences, 0.15) < 0.05)
    assert set(claimed) == {True, False}


@pytest.mark.slow
def test_equivalence_is_wrongly_claimed_once_in_twenty() -> None:
    worlds = np.random.default_rng(13).normal(0.1, 0.05, (1_000, 10))  # the truth is the margin
    wrong = np.mean([equivalence_p(differences, 0.1) < 0.05 for differences in worlds])
    assert wrong == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize(
    ("difference", "equivalent", "noninferior"),
    [(0, 0, 0), (0.04, 0, 0), (-0.04, 0, 0), (0.06, 1, 0), (-0.06, 1, 1), (0.05, 1, 0)],
)
def test_worlds_that_all_differ_alike(
    difference: float, equivalent: float, noninferior: float
) -> None:
    # The last digits: 0.1 + 0.2 - 0.3 is not quite zero.
    for differences in ([difference] * 10, [difference, difference + (0.1 + 0.2 - 0.3)] * 5):
        assert equivalence_p(differences, 0.05) == equivalent
        assert noninferiority_p(differences, 0.05) == noninferior
    # At the margin is not above it.
    assert noninferiority_p([-0.05, (0.1 + 0.2 - 0.3) - 0.05], 0.05) == 1


def test_an_equivalence_needs_worlds_and_a_margin() -> None:
    with pytest.raises(ValueError, match="at least two users or worlds"):
        equivalence_p([0.1], 0.05)
    for margin in (0, -0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="a number above zero"):
            equivalence_p([0.1, 0.2], margin)


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # 4, 3, 2, 1 times, never falling
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.9, 0.4, 0.6], [1, 1, 1]),
        ([0, 1], [0, 1]),
    ],
)
def test_holm_by_hand(given: list[float], adjusted: list[float]) -> None:
    assert holm(given) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_closed_testing_with_bonferroni(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(closed(p_values))


def closed(p_values: Sequence[float]) -> list[float]:
    """Return the definition written out: the worst of all sets of tests that one belongs to."""
    places = range(len(p_values))
    sets = [some for size in places for some in combinations(places, size + 1)]
    local = {some: min(1, len(some) * min(p_values[at] for at in some)) for some in sets}
    return [max(p for some, p in local.items() if at in some) for at in places]


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.2, float("nan")])
