"""What a mean over users is worth: intervals, paired tests, and the least difference seen.

Users are the independent units, so everything here takes one value a user (all draws and seeds of
that user already averaged): resampling these values is resampling users with all that is theirs.
Of planted worlds the worlds are: `worlds_p`, `equivalence_p` and `noninferiority_p` take one value
a world.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

RESAMPLES = 9_999
MOST_WORLDS = 20
"""Worlds that are compared exactly: a million ways to turn their signs."""
_BATCH = 500
"""Resamples in memory at once: with 10,000 users 40 MB."""

Values = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A 95% interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One method against another on the same users."""

    users: int
    difference: float
    """Mean over users of the first method's value minus the second's."""
    interval: Interval
    p: float
    smallest: float
    """The smallest true difference that this many users can resolve, in this comparison alone."""


def bootstrap_interval(values: Values, *, seed: int = 0) -> Interval:
    """Return the 95% percentile bootstrap interval of the mean of `values`, one a user.

    Raises `ValueError` for fewer than two users: one user says nothing about others.
    """
    data = _users(values)
    result = stats.bootstrap(
        (data,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        vectorized=True,
        axis=0,
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return Interval(float(interval.low), float(interval.high))


def paired_p(first: Values, second: Values, *, seed: int = 0) -> float:
    """Return the two-sided p-value of the paired permutation test of equal means.

    `first` and `second` hold one value a user, in the same order of users. Raises `ValueError` for
    unequal lengths and for fewer than two users.
    """
    result = stats.permutation_test(
        (_users(first), _users(second)),
        _mean_difference,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=_BATCH,
        vectorized=True,
        alternative="two-sided",
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def worlds_p(first: Values, second: Values) -> float:
    """Return the exact two-sided p-value of the paired sign-flip test over few worlds.

    `first` and `second` hold one value a world, in the same order of worlds. Were the two methods
    alike, each world's difference might as well have the other sign: the p-value is the share of
    all 2^n ways to turn them whose sum is as far from zero. So n worlds cannot give less than
    2/2^n: five never reach 0.05. Raises `ValueError` for unequal lengths, fewer than two worlds and
    more than `MOST_WORLDS`, for which `paired_p` is there.
    """
    differences = _differences(first, second)
    if len(differences) > MOST_WORLDS:
        raise ValueError(f"at most {MOST_WORLDS} worlds are compared, not {len(differences)}")
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    # Two ways to one sum may differ in the last digits: that is the order of summation.
    close = 1e-9 * np.abs(differences).sum()
    return float(np.mean(np.abs(sums) >= abs(differences.sum()) - close))


def equivalence_p(differences: Values, margin: float) -> float:
    """Return the p-value of the claim that the true mean difference lies within `margin` of zero.

    Two one-sided t-tests (TOST), one against each end, over one paired difference a world; returned
    is the larger p. That a difference is not found says nothing of the kind. Raises `ValueError`
    as `noninferiority_p` does.
    """
    from_above = noninferiority_p(np.negative(differences), margin)
    return max(noninferiority_p(differences, margin), from_above)


def noninferiority_p(differences: Values, margin: float) -> float:
    """Return the p-value of the claim that the true mean difference is above minus `margin`.

    The one-sided t-test over `differences`, one paired difference a world. `margin` has to be
    chosen before they are seen. Where they are all the same there is nothing to estimate: 0 where
    that one lies above, else 1. Raises `ValueError` for fewer than two worlds and for a margin that
    is not above zero.
    """
    data = _users(differences)
    if not 0 < margin < math.inf:
        raise ValueError(f"a margin is a number above zero, got {margin}")
    # Differences of equal figures may differ in the last digits, in which the test would believe.
    close = 1e-9 * max(margin, float(np.abs(data).max()))
    if np.ptp(data) <= close:
        return 0.0 if float(np.mean(data)) + margin > close else 1.0
    return float(stats.ttest_1samp(data, -margin, alternative="greater").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return `p_values` adjusted for their number by Holm's method, in the order given.

    To call those at or below 0.05 different is to be wrong about any of them in at most 5% of
    tables, whatever the tests have to do with each other. Raises `ValueError` for what is no
    probability.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values lie between 0 and 1, got {list(p_values)}")
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = least
    return adjusted


def smallest_difference(differences: Values) -> float:
    """Return the smallest true mean difference that these users or worlds resolve.

    `differences` holds one paired difference a unit. A t-test at 5% two-sided finds a true
    difference of (t_0.975 + t_0.80) * sd / sqrt(n) four times in five, with n - 1 degrees of
    freedom: 2.83 standard errors of 100 users, 3.15 of ten worlds. Smaller ones are missed more
    often. This is for a single comparison: correction for several makes it larger.
    """
    data = _users(differences)
    quantiles = stats.t.ppf([0.975, 0.80], len(data) - 1)
    return float(np.sum(quantiles) * stats.sem(data))


def compare(first: Values, second: Values, *, seed: int = 0) -> Comparison:
    """Return all that is said about `first` against `second`, one value a user in the same order.

    Raises `ValueError` as `paired_p` does.
    """
    differences = _differences(first, second)
    return Comparison(
        users=len(differences),
        difference=float(np.mean(differences)),
        interval=bootstrap_interval(differences, seed=seed),
        p=paired_p(first, second, seed=seed),
        smallest=smallest_difference(differences),
    )


def _mean_difference(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], axis: int
) -> npt.NDArray[np.float64]:
    difference: npt.NDArray[np.float64] = np.mean(first, axis=axis) - np.mean(second, axis=axis)
    return difference


def _differences(first: Values, second: Values) -> npt.NDArray[np.float64]:
    if len(first) != len(second):
        raise ValueError(f"pairs needed, got {len(first)} and {len(second)}")
    differences: npt.NDArray[np.float64] = _users(first) - _users(second)
    return differences


def _users(values: Values) -> npt.NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or len(data) < 2:
        raise ValueError(
            f"one value for each of at least two users or worlds needed, got {data.shape}"
        )
    return data
