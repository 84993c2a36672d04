"""The study of planted worlds: who is compared with whom, over which records and readers."""

from collections.abc import Mapping

import pytest

from benchmarks.planted.claims import CLAIMS, DOSES, KINDS, NOTHING, RECNET, VARIANTS
from benchmarks.planted.outcomes import (
    NetworkOutcome,
    Readers,
    accuracy,
    group_readers,
    ndcg_of_cold,
    ndcg_of_followers,
    ndcg_of_known,
)
from benchmarks.planted.study import KindResults, doses, run_world, slope
from evals.metrics import ndcg
from evals.planted.world import World, plant_world
from workflows.recnet import RecNet

READERS = Readers(cold=frozenset({"cy"}), early=frozenset({"eve"}), followers=frozenset({"flo"}))


def outcome(
    rewards: Mapping[str, int | None] | None = None, *, eve: int = 1, flo: int = 1, cy: int = 1
) -> NetworkOutcome:
    """Return the outcome of a network with these rewards and ranks of the targets."""
    ranks = {"eve": eve, "flo": flo, "cy": cy}
    by_user = {user: ndcg(rank, 10) for user, rank in ranks.items()}
    return NetworkOutcome(rewards=dict(rewards or {}), ndcg=by_user, calls=0, tokens=0)


def test_accuracy_is_over_the_records_that_neither_failed_at() -> None:
    own = outcome({"a": 1, "b": 1, "c": None, "d": 1})
    other = outcome({"a": 0, "b": None, "c": 1, "d": 1})
    assert accuracy(own, other, READERS) == (1.0, 0.5)
    assert accuracy(own, outcome({"c": 1}), READERS) is None


def test_each_group_is_read_apart() -> None:
    own, other = outcome(eve=1, flo=2, cy=3), outcome(eve=4, flo=5, cy=6)
    assert ndcg_of_cold(own, other, READERS) == pytest.approx((ndcg(3, 10), ndcg(6, 10)))
    assert ndcg_of_followers(own, other, READERS) == pytest.approx((ndcg(2, 10), ndcg(5, 10)))
    both = ((ndcg(1, 10) + ndcg(2, 10)) / 2, (ndcg(4, 10) + ndcg(5, 10)) / 2)
    assert ndcg_of_known(own, other, READERS) == pytest.approx(both)
    nobody = Readers(cold=frozenset(), early=READERS.early, followers=READERS.followers)
    assert ndcg_of_cold(own, other, nobody) is None


def test_every_claim_compares_what_is_run() -> None:
    for claim in CLAIMS:
        assert {RECNET, claim.against} <= set(VARIANTS[claim.kind])


@pytest.mark.parametrize("seed", range(3))
def test_doses_differ_in_nothing_but_who_moves_early(seed: int) -> None:
    worlds = [KINDS[f"dose {share:g}"].model_copy(update={"seed": seed}) for share in DOSES]
    planted = [plant_world(world) for world in worlds]
    groups = {group_readers(world, max(DOSES)) for world in worlds}
    assert len({world.dataset.items for world in planted}) == len(groups) == 1
    [readers] = groups
    assert readers.followers
    for share, world in zip(DOSES, planted, strict=True):
        assert world.early <= readers.early
        assert len(world.early) == pytest.approx(share * 34, abs=2)
    own = [
        [event for event in world.dataset.events if event.user in readers.followers | readers.cold]
        for world in planted
    ]
    assert all(events == own[0] for events in own)


def test_the_gain_by_dose_has_a_slope_for_each_world() -> None:
    ranks = dict(zip(DOSES, (4, 2, 1), strict=True))
    found = {
        f"dose {share:g}": KindResults(
            [READERS, READERS],
            {
                "RecNet": [outcome({"a": 1}, flo=rank), outcome({"a": 1}, flo=4)],
                NOTHING: [outcome({"a": 0}, flo=4)] * 2,
            },
        )
        for share, rank in ranks.items()
    }
    series = doses(found)
    assert [entry.dose for entry in series] == list(DOSES)
    assert series[0].differences == (0, 0)
    assert series[-1].differences == pytest.approx((1 - ndcg(4, 10), 0))
    assert all(entry.accuracy == (1, 1, 1) for entry in series)
    first, second = slope(series).differences
    assert first > 0.9
    assert second == pytest.approx(0, abs=1e-9)


def test_a_world_that_one_dose_says_nothing_of_counts_at_none() -> None:
    nobody = Readers(READERS.cold, READERS.early, frozenset())
    found = {
        f"dose {share:g}": KindResults(
            [READERS, nobody],
            {"RecNet": [outcome({"a": 1})] * 2, NOTHING: [outcome({"a": 0})] * 2},
        )
        for share in DOSES
    }
    for kind in found.values():
        assert kind.pairs(NOTHING, ndcg_of_followers)[1] is None
    assert all(len(entry.differences) == 1 for entry in doses(found))


@pytest.mark.slow
async def test_a_world_is_run_with_every_variant_and_leaves_nothing(
    recnet: RecNet,
) -> None:
    world = World(users=20, items=36, cold_events=2)
    outcomes = await run_world(recnet, world, "planted small", (RECNET, NOTHING))
    assert list(outcomes) == [RECNET, NOTHING]
    assert outcomes[RECNET].rewards.keys() == outcomes[NOTHING].rewards.keys()
    assert outcomes[RECNET].calls > outcomes[NOTHING].calls > 0
    assert all(0 < value <= 1 for value in outcomes[RECNET].ndcg.values())
    assert await recnet.networks() == []
