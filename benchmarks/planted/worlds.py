"""Planted worlds as an experiment: what must appear in which world, and what must not.

Worlds are the independent units, not the readers of one of them. Every claim is fixed here before
the report seeds are run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.planted.verdicts import Expected
from evals.candidates import Negatives
from evals.paper.design import RECNET, Variant, ablation
from evals.paper.results import Result
from evals.planted.world import World, plant_world
from evals.ranking import RankingResult
from evals.tables import COMPARED_AT

NOTHING = ablation("no propagation")
PLACEBO = ablation("placebo propagation")
UNFILTERED = ablation("w/o filter memory")
DEVELOPED = 9
"""The last of the seeds that the worlds and the offline model were developed with."""
DOSES = (0.0, 0.3, 0.6)
"""Shares of early adopters: of how much there is to be told."""

_BASE = World(cold_events=2)
NORMAL, NULL, ADVERSARIAL = "normal", "null", "adversarial"
_DOSED = {
    # One library for all doses, so that they differ in nothing but who moves early.
    f"dose {share:g}": _BASE.model_copy(update={"early_share": share, "later_share": 0.5})
    for share in DOSES
}
KINDS: Mapping[str, World] = {
    NORMAL: _BASE,
    NULL: _BASE.model_copy(update={"shuffled": True}),
    ADVERSARIAL: _BASE.model_copy(update={"misleading": True}),
    **_DOSED,
}
"""Every kind of world; the seed is set for each."""

VARIANTS: Mapping[str, tuple[Variant, ...]] = {
    NORMAL: (RECNET, NOTHING, PLACEBO),
    NULL: (RECNET, NOTHING, PLACEBO),
    ADVERSARIAL: (RECNET, NOTHING, UNFILTERED),
    **dict.fromkeys(_DOSED, (RECNET, NOTHING)),
}


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of one world by what is known of them; none is in two groups."""

    cold: frozenset[str]
    """One event is known of them."""
    early: frozenset[str]
    """Early adopters at the largest dose, and so some of them at each."""
    followers: frozenset[str]
    """Those who follow at every dose."""


def group_readers(world: World) -> Readers:
    """Return who is who in a world."""
    planted = plant_world(world.model_copy(update={"early_share": max(DOSES)}))
    events = [event.user for event in planted.dataset.events]
    cold = frozenset(user for user in planted.community if events.count(user) <= world.cold_events)
    return Readers(cold, planted.early, frozenset(planted.community) - cold - planted.early)


Pair = tuple[float, float]
Measure = Callable[[Result, Result, Readers], Pair | None]
"""What two variants reached in one world; None where it has nobody to say so."""


def accuracy(own: Result, other: Result, _: Readers) -> Pair | None:
    """Compare the shares of records that were predicted right before they were learned.

    Over the records that neither failed at.
    """
    both = [
        (reward, other.rewards[record])
        for record, reward in own.rewards.items()
        if reward is not None and other.rewards.get(record) is not None
    ]
    return _means(both)


def ndcg_of_known(own: Result, other: Result, readers: Readers) -> Pair | None:
    """Compare NDCG@10 of the test under matched negatives, over readers with a history."""
    return _ndcg(own, other, readers.early | readers.followers)


def ndcg_of_cold(own: Result, other: Result, readers: Readers) -> Pair | None:
    """Compare the same over cold readers."""
    return _ndcg(own, other, readers.cold)


def ndcg_of_followers(own: Result, other: Result, readers: Readers) -> Pair | None:
    """Compare the same over readers who follow at every dose.

    Their own events are the same at every dose.
    """
    return _ndcg(own, other, readers.followers)


def _ndcg(own: Result, other: Result, users: frozenset[str]) -> Pair | None:
    mine, theirs = (_matched(result).user_means(COMPARED_AT) for result in (own, other))
    return _means([(mine[user], theirs[user]) for user in mine if user in users])


def _matched(result: Result) -> RankingResult:
    return next(r for r in result.rankings if r.negatives is Negatives.MATCHED)


def _means(pairs: Sequence[tuple[float | None, float | None]]) -> Pair | None:
    if not pairs:
        return None
    first, second = zip(*pairs, strict=True)
    return fmean(first), fmean(second)


@dataclass(frozen=True, slots=True)
class Claim:
    """One comparison, fixed beforehand, and what is expected of it."""

    kind: str
    of: str
    against: str
    measure: Measure
    measured: str
    expected: Expected


_ACCURACY = "accuracy"
_NDCG = "NDCG@10, readers with a history"
_COLD = "NDCG@10, cold readers"
CLAIMS: Sequence[Claim] = (
    Claim(NORMAL, "RecNet", NOTHING.name, accuracy, _ACCURACY, Expected.MORE),
    Claim(NORMAL, "RecNet", PLACEBO.name, accuracy, _ACCURACY, Expected.MORE),
    Claim(NORMAL, "RecNet", NOTHING.name, ndcg_of_known, _NDCG, Expected.MORE),
    Claim(NORMAL, "RecNet", PLACEBO.name, ndcg_of_known, _NDCG, Expected.MORE),
    Claim(NORMAL, "RecNet", NOTHING.name, ndcg_of_cold, _COLD, Expected.MORE),
    Claim(NORMAL, "RecNet", PLACEBO.name, ndcg_of_cold, _COLD, Expected.MORE),
    Claim(NULL, "RecNet", NOTHING.name, accuracy, _ACCURACY, Expected.NONE),
    Claim(NULL, "RecNet", PLACEBO.name, accuracy, _ACCURACY, Expected.NONE),
    Claim(ADVERSARIAL, "RecNet", UNFILTERED.name, accuracy, _ACCURACY, Expected.MORE),
    Claim(ADVERSARIAL, "RecNet", UNFILTERED.name, ndcg_of_known, _NDCG, Expected.MORE),
    Claim(ADVERSARIAL, "RecNet", NOTHING.name, accuracy, _ACCURACY, Expected.NO_LESS),
    Claim(ADVERSARIAL, "RecNet", NOTHING.name, ndcg_of_known, _NDCG, Expected.NO_LESS),
    Claim(ADVERSARIAL, "RecNet", NOTHING.name, ndcg_of_cold, _COLD, Expected.NO_LESS),
)
