"""Claims on planted worlds: worlds are the units."""

import pytest

from evals.candidates import Negatives
from evals.experiments.jobs import Result
from evals.experiments.study import doses, judge, slopes
from evals.experiments.worlds import CLAIMS, KINDS, NORMAL, NOTHING, VARIANTS, Dose, ndcg_of_cold
from evals.metrics import ndcg
from tests.evals.experiments.test_jobs import result


def outcome(right: int, of: int = 10) -> Result:
    rewards = {"ann": (1,) * right + (0,) * (of - right)}
    made = result()
    reading = made.readings[0].model_copy(
        update={"negatives": Negatives.MATCHED, "ranks": {"ann": (right,), "cold": (2,)}}
    )
    return made.model_copy(update={"rewards": rewards, "readings": (reading,)})


def everything(right: dict[str, int]) -> dict[tuple[str, str], list[Result]]:
    return {
        (kind, variant.name): [outcome(right.get(variant.name, 5)) for _ in range(5)]
        for kind in KINDS
        for variant in VARIANTS[kind]
    }


def test_each_claim_is_judged_world_by_world() -> None:
    found = everything({"RecNet": 8})
    for claim, finding in zip(CLAIMS, judge(found, CLAIMS), strict=True):
        assert finding.kind == claim.kind
        assert len(finding.differences) == 5
    first = judge(found, CLAIMS)[0]
    assert first.means == pytest.approx((0.8, 0.5))
    assert first.p == pytest.approx(2 / 2**5)
    assert first.corrected == 1 or first.corrected > first.p


def test_cold_readers_are_those_without_a_record() -> None:
    assert ndcg_of_cold(outcome(3)) == pytest.approx(ndcg(2, 10))


def test_every_claim_compares_what_is_run() -> None:
    for claim in CLAIMS:
        names = {variant.name for variant in VARIANTS[claim.kind]}
        assert {claim.of, claim.against} <= names


def test_the_gain_by_dose_has_a_slope_for_each_world() -> None:
    series = doses(everything({"RecNet": 8, NOTHING.name: 5}))
    assert [entry.dose for entry in series] == [0.0, 0.2, 0.4, 0.6]
    assert slopes(series) == pytest.approx([0.0] * 5, abs=1e-9)
    rising = [Dose(dose=d, means=(0, 0), differences=(d, 2 * d, 0.0)) for d in (0.0, 0.2, 0.4, 0.6)]
    assert slopes(rising) == pytest.approx([1.0, 2.0, 0.0], abs=1e-9)


def test_the_normal_world_is_one_of_the_doses() -> None:
    assert NORMAL in KINDS
    assert KINDS[NORMAL].cold_events == 2
