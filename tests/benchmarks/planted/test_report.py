"""The page on planted worlds: every claim with its verdict, and what it was made by."""

from benchmarks.planted.report import Dose, StudyReport
from benchmarks.planted.study import slope
from benchmarks.planted.verdicts import Evidence, Expected, judge

GAINS = (0.10, 0.11, 0.12, 0.13, 0.10, 0.12)


def report() -> StudyReport:
    series = tuple(
        Dose(
            dose=dose,
            means=(0.6 + dose, 0.6),
            gain=(dose, dose, dose),
            differences=tuple(dose * gain for gain in GAINS),
            accuracy=(dose / 2, dose / 4, dose),
        )
        for dose in (0.0, 0.3, 0.6)
    )
    claim = Evidence(
        kind="normal", against="silence", measured="accuracy", expected=Expected.MORE,
        means=(0.8, 0.7), differences=GAINS,
    )  # fmt: skip
    return StudyReport(
        seeds=(200, 201, 202, 203, 204, 205), users=40, draws=3,
        findings=judge([claim, slope(series)]), doses=series,
        records=1200, failed=2, calls=9000, tokens=80_000, model="offline", encoder="offline",
    )  # fmt: skip


def test_each_claim_has_its_verdict_beside_what_it_rests_on() -> None:
    rows = [line for line in report().markdown().splitlines() if line.startswith("| normal")]
    assert rows == [
        "| normal | accuracy | 0.800 | silence | 0.700 | +0.113 (+0.101 to +0.126) | 6 | 0.031 "
        "| 0.062 | 0.017 | more | not shown |"
    ]


def test_the_rise_with_the_dose_is_a_claim_among_them() -> None:
    said = report().markdown()
    [rise] = [line for line in said.splitlines() if line.startswith("| doses")]
    assert "rise of the gain in NDCG@10 of followers" in rise
    assert "| 60% | 1.200 | 0.600 | +0.600 (+0.600 to +0.600) | +0.300 (+0.150 to +0.600) |" in said


def test_the_report_says_where_no_result_could_show_anything() -> None:
    said = report().markdown()
    assert "a sign-flip test over 6 worlds cannot bring p below 0.0312" in said
    ten = report().model_copy(update={"seeds": tuple(range(200, 210))})
    assert "sign-flip test over" not in ten.markdown()


def test_the_report_gives_its_size_and_its_limits() -> None:
    said = report().markdown()
    assert "# Planted worlds: 6 worlds of seeds 200 to 205, 40 readers each" in said
    assert "1,200 records, 2 failed; 9,000 calls were sent and 80,000 tokens" in said
    assert "no language model" in said
    assert "it is no evidence about people" in said
