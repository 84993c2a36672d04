"""What a mean over users is worth: intervals, paired tests, and the least difference seen.

Users are the independent units, so everything here takes one value a user (all draws and seeds of
that user already averaged): resampling these values is resampling users with all that is theirs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

RESAMPLES = 9_999
_BATCH = 500
"""Resamples in memory at once: with 10,000 users 40 MB."""
_Z_TWO_SIDED = float(stats.norm.ppf(0.975))
_Z_POWER = float(stats.norm.ppf(0.80))

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
    """The smallest true difference that this many users can resolve."""


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


def smallest_difference(differences: Values) -> float:
    """Return the smallest true mean difference that these users resolve.

    `differences` holds one paired difference a user. At 80% power and 5% two-sided this is
    (1.96 + 0.84) * sd / sqrt(n); smaller differences cannot be told from noise.
    """
    data = _users(differences)
    return (_Z_TWO_SIDED + _Z_POWER) * float(np.std(data, ddof=1)) / math.sqrt(len(data))


def compare(first: Values, second: Values, *, seed: int = 0) -> Comparison:
    """Return all that is said about `first` against `second`, one value a user in the same order.

    Raises `ValueError` as `paired_p` does.
    """
    if len(first) != len(second):
        raise ValueError(f"paired users needed, got {len(first)} and {len(second)}")
    differences = _users(first) - _users(second)
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


def _users(values: Values) -> npt.NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or len(data) < 2:
        raise ValueError(f"one value for each of at least two users needed, got {data.shape}")
    return data
