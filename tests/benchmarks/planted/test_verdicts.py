"""Claims about worlds: what they show, what they do not, and what contradicts them."""

import pytest

from benchmarks.planted.verdicts import MARGIN, Evidence, Expected, Verdict, judge

TEN = (0.05, 0.06, 0.04, 0.07, 0.05, 0.03, 0.06, 0.05, 0.04, 0.05)
"""Ten worlds that are clearly better."""


def claim(expected: Expected, differences: tuple[float, ...]) -> Evidence:
    return Evidence(
        kind="normal", of="RecNet", against="silence", measured="accuracy", expected=expected,
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
