"""Tests of the claims: each is shown, not shown, or contradicted."""

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean

import numpy as np
from scipy import stats

from evals.statistics import equivalence_p, holm, noninferiority_p
from state.domain import Frozen

MARGIN = 0.03
"""A difference that counts as none, in accuracy and in NDCG@10."""
MOST_WORLDS = 20
"""Most worlds that are compared exactly: a million sign flips."""
LEVEL = 0.05
"""The chance that a study errs in any of its claims."""


class Expected(StrEnum):
    """What a claim expects of the mean difference between RecNet and another variant."""

    MORE = "more"
    NONE = "no difference"
    NO_LESS = "no less"


class Verdict(StrEnum):
    """The result of testing a claim."""

    SHOWN = "shown"
    OPEN = "not shown"
    CONTRADICTED = "contradicted"
    """The interval, corrected for the number of claims, lies where the claim is false."""


class Evidence(Frozen):
    """A claim, and the difference between two variants in each world."""

    kind: str
    against: str
    measured: str
    expected: Expected
    means: tuple[float, float] | None
    differences: tuple[float, ...]
    """One a world, in the order of seeds."""


class Finding(Evidence):
    """The result of one claim."""

    interval: tuple[float, float, float]
    """The mean difference, and its 95% t-interval."""
    p: float
    """Of the test whose rejection shows the claim."""
    corrected: float
    """Corrected by Holm for all claims of the study."""
    verdict: Verdict


def judge(evidence: Sequence[Evidence]) -> tuple[Finding, ...]:
    """Test all claims of a study as one family."""
    ps = [_p(claim.expected, claim.differences) for claim in evidence]
    findings = []
    for claim, p, corrected in zip(evidence, ps, holm(ps), strict=True):
        found = interval(claim.differences)
        together = interval(claim.differences, level=LEVEL / len(ps))
        verdict = _verdict(claim.expected, together, corrected)
        more = {"interval": found, "p": p, "corrected": corrected, "verdict": verdict}
        findings.append(Finding.model_validate({**dict(claim), **more}))
    return tuple(findings)


def worlds_p(differences: Sequence[float]) -> float:
    """Return the exact two-sided p-value of the paired sign-flip test over few worlds.

    `differences` holds one paired difference per world. The p-value is the share of all 2^n sign
    flips whose sum is at least as far from zero, so n worlds cannot give less than 2/2^n: five
    never reach 0.05. Raises `ValueError` for fewer than two worlds and for more than `MOST_WORLDS`.
    """
    if not 2 <= len(differences) <= MOST_WORLDS:
        raise ValueError(f"2 to {MOST_WORLDS} worlds are compared, not {len(differences)}")
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    # Equal sums may differ in the last digits, by the order of summation.
    close = 1e-9 * np.abs(differences).sum()
    return float(np.mean(np.abs(sums) >= abs(sum(differences)) - close))


def _p(expected: Expected, differences: Sequence[float]) -> float:
    match expected:
        case Expected.MORE:
            return worlds_p(differences)
        case Expected.NO_LESS:
            return noninferiority_p(differences, MARGIN)
        case Expected.NONE:
            return equivalence_p(differences, MARGIN)


def _verdict(expected: Expected, found: tuple[float, float, float], corrected: float) -> Verdict:
    mean, low, high = found
    false = {
        Expected.MORE: high < 0,
        Expected.NO_LESS: high < -MARGIN,
        Expected.NONE: low > MARGIN or high < -MARGIN,
    }[expected]
    if false:
        return Verdict.CONTRADICTED
    right_way = expected is not Expected.MORE or mean > 0
    return Verdict.SHOWN if right_way and corrected <= LEVEL else Verdict.OPEN


def interval(values: Sequence[float], *, level: float = LEVEL) -> tuple[float, float, float]:
    """Return the mean over worlds with its t-interval of confidence 1 - `level`.

    The interval of a single world is its value.
    """
    mean = fmean(values)
    if len(values) < 2 or max(values) == min(values):
        return mean, mean, mean
    half = stats.t.ppf(1 - level / 2, len(values) - 1) * stats.sem(values)
    return mean, mean - float(half), mean + float(half)
