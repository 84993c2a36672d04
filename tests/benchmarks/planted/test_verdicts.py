"""Claims about worlds: what they show, what they do not, and what contradicts them."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.planted.verdicts import (
    MARGIN,
    MOST_WORLDS,
    Evidence,
    Expected,
    Verdict,
    judge,
    worlds_p,
)

TEN = (0.05, 0.06, 0.04, 0.07, 0.05, 0.03, 0.06, 0.05, 0.04, 0.05)
"""Ten worlds that are clearly better."""


def claim(expected: Expected, differences: tuple[float, ...]) -> Evidence:
    return Evidence(
        kind="normal", against="silence", measured="accuracy", expected=expected,
        means=(0.6, 0.5), differences=differences,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "shift", "verdict"),
    [
        (Expected.MORE, 0.0, Verdict.SHOWN),
        (Expected.MORE, -0.05, Verdict.OPEN),
        (Expected.MORE, -0.10, Verdict.CONTRADICTED),
        (Expected.NONE, -0.05, Verdict.SHOWN),
        (Expected.NONE, -0.025, Verdict.OPEN),
        (Expected.NONE, 0.0, Verdict.CONTRADICTED),
        (Expected.NONE, -0.10, Verdict.CONTRADICTED),
        (Expected.NO_LESS, 0.0, Verdict.SHOWN),
        (Expected.NO_LESS, -0.05, Verdict.SHOWN),
        (Expected.NO_LESS, -0.08, Verdict.OPEN),
        (Expected.NO_LESS, -0.10, Verdict.CONTRADICTED),
    ],
)
def test_a_verdict_says_what_the_worlds_show(
    expected: Expected, shift: float, verdict: Verdict
) -> None:
    [found] = judge([claim(expected, tuple(value + shift for value in TEN))])
    assert found.verdict is verdict
    assert found.corrected == found.p


def test_that_nothing_is_found_does_not_show_that_there_is_nothing() -> None:
    [found] = judge([claim(Expected.NONE, (0.2, -0.2, 0.3, -0.3, 0.1, -0.1))])
    assert abs(found.interval[0]) < MARGIN
    assert found.verdict is Verdict.OPEN


def test_all_claims_are_one_family() -> None:
    one = judge([claim(Expected.MORE, TEN)])[0]
    many = judge([claim(Expected.MORE, TEN)] * 30)
    assert one.p == pytest.approx(2 / 2**10)
    assert [found.corrected for found in many] == pytest.approx([30 * one.p] * 30)
    assert {found.verdict for found in many} == {Verdict.OPEN}


def test_what_contradicts_a_claim_is_corrected_for_all_of_them_too() -> None:
    worse = claim(Expected.MORE, (-0.03, 0.0, -0.01, -0.02, 0.0, -0.03, -0.01))
    assert judge([worse])[0].interval[2] < 0
    assert judge([worse])[0].verdict is Verdict.CONTRADICTED
    assert judge([worse] * 14)[0].verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3], 2 / 8),  # all on one side: so are only the three as they are, and all turned
        ([3, -1, 2], 4 / 8),  # ±3±1±2 gives ±6, ±4, ±2 and twice 0: four are at least 4
        ([0.1, 0.2, -0.3], 1),  # the sum is zero, but for the last digits
        ([0, 0], 1),
        ([1] * 5, 2 / 32),
        ([1] * 20, 2 / 2**20),
    ],
)
def test_few_worlds_by_hand(differences: list[float], p: float) -> None:
    assert worlds_p(differences) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_few_worlds_are_scipys(seed: int) -> None:
    first, second = (np.random.default_rng(seed + n).normal(0.5, 0.2, 9) for n in (0, 100))
    direct = stats.permutation_test(
        (first, second),
        lambda a, b: float(np.mean(a) - np.mean(b)),
        permutation_type="samples",
        n_resamples=2**9,
    )
    assert worlds_p((first - second).tolist()) == pytest.approx(direct.pvalue)


@pytest.mark.parametrize("count", [1, MOST_WORLDS + 1])
def test_too_few_or_too_many_worlds_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"2 to 20 worlds are compared, not {count}"):
        worlds_p([0.1] * count)
