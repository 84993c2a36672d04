"""Statistics agree with scipy called directly, with textbook cases, and with what they claim."""

import numpy as np
import pytest
from scipy import stats

from evals.statistics import (
    RESAMPLES,
    bootstrap_interval,
    compare,
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


def test_the_smallest_difference_by_hand() -> None:
    differences = [0.1, -0.1] * 50
    spread = 0.1 * np.sqrt(100 / 99)
    assert smallest_difference(differences) == pytest.approx(2.8016 * spread / 10, rel=1e-4)


def test_the_smallest_difference_is_found_four_times_in_five() -> None:
    chance = np.random.default_rng(9)
    noise = chance.normal(0, 0.2, (400, 100))
    true = (1.95996 + 0.84162) * 0.2 / 10
    found = np.asarray(stats.ttest_1samp(noise + true, 0, axis=1).pvalue) < 0.05
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)
    assert smallest_difference(noise[0]) == pytest.approx(true, rel=0.2)


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
    with pytest.raises(ValueError, match="at least two users"):
        bootstrap_interval([0.5])
    with pytest.raises(ValueError, match="paired users needed, got 3 and 2"):
        compare([0.1, 0.2, 0.3], [0.1, 0.2])
