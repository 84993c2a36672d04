"""Planted worlds as an experiment: what must appear in which world, and what must not (DESIGN §8).

Worlds are the independent units, not the readers of one of them. Every claim is fixed here before
the report seeds are run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from evals.candidates import Negatives
from evals.experiments.design import RECNET, Variant, ablation
from evals.experiments.jobs import Result
from evals.planted_world import World
from state.domain import Frozen

NOTHING = ablation("no propagation")
PLACEBO = ablation("placebo propagation")
UNFILTERED = ablation("w/o filter memory")
DOSES = (0.0, 0.2, 0.4, 0.6)
"""Shares of early adopters: of how much there is to be told."""

_BASE = World(cold_events=2)
NORMAL, NULL, ADVERSARIAL = "normal", "null", "adversarial"
KINDS: Mapping[str, World] = {
    NORMAL: _BASE,
    NULL: _BASE.model_copy(update={"shuffled": True}),
    ADVERSARIAL: _BASE.model_copy(update={"misleading": True}),
    **{
        f"dose {dose:g}": _BASE.model_copy(update={"early_share": dose})
        for dose in DOSES
        if dose != _BASE.early_share
    },
}
"""Every kind of world; the seed is set for each."""

VARIANTS: Mapping[str, tuple[Variant, ...]] = {
    NORMAL: (RECNET, NOTHING, PLACEBO),
    NULL: (RECNET, NOTHING, PLACEBO),
    ADVERSARIAL: (RECNET, NOTHING, UNFILTERED),
    **{kind: (RECNET, NOTHING) for kind in KINDS if kind.startswith("dose")},
}


def dose(kind: str) -> float | None:
    """Return the dose of a kind of world, None where it is none of the series."""
    if kind == NORMAL:
        return _BASE.early_share
    return KINDS[kind].early_share if kind.startswith("dose") else None


Measure = Callable[[Result], float | None]


def accuracy(result: Result) -> float | None:
    """Return the share of records that were predicted right before they were learned."""
    rewards = [reward for own in result.rewards.values() for reward in own]
    return fmean(rewards) if rewards else None


def ndcg_of_all(result: Result) -> float | None:
    """Return NDCG@10 of the test under matched negatives, over readers with a history."""
    return _ndcg(result, cold=False)


def ndcg_of_cold(result: Result) -> float | None:
    """Return the same over readers of whom one event is known."""
    return _ndcg(result, cold=True)


def _ndcg(result: Result, *, cold: bool) -> float | None:
    found = next(r for r in result.readings if r.negatives is Negatives.MATCHED)
    means = [v for user, v in found.user_means(10).items() if (user not in result.rewards) is cold]
    return fmean(means) if means else None


@dataclass(frozen=True, slots=True)
class Claim:
    """One comparison, fixed beforehand, and what is expected of it."""

    kind: str
    of: str
    against: str
    measure: Measure
    measured: str
    expected: str


_ACCURACY = "accuracy, each record predicted before it is learned"
_NDCG = "NDCG@10, matched negatives"
CLAIMS: Sequence[Claim] = (
    Claim(NORMAL, "RecNet", NOTHING.name, accuracy, _ACCURACY, "more"),
    Claim(NORMAL, "RecNet", PLACEBO.name, accuracy, _ACCURACY, "more"),
    Claim(NULL, "RecNet", NOTHING.name, accuracy, _ACCURACY, "none"),
    Claim(NULL, "RecNet", PLACEBO.name, accuracy, _ACCURACY, "none"),
    Claim(ADVERSARIAL, "RecNet", UNFILTERED.name, accuracy, _ACCURACY, "more"),
    Claim(ADVERSARIAL, "RecNet", NOTHING.name, accuracy, _ACCURACY, "no less"),
    Claim(NORMAL, "RecNet", NOTHING.name, ndcg_of_all, _NDCG, "more"),
    Claim(NORMAL, "RecNet", PLACEBO.name, ndcg_of_all, _NDCG, "more"),
    Claim(NORMAL, "RecNet", NOTHING.name, ndcg_of_cold, f"{_NDCG}, cold readers", "more"),
    Claim(NORMAL, "RecNet", PLACEBO.name, ndcg_of_cold, f"{_NDCG}, cold readers", "more"),
)


class Finding(Frozen):
    """What came of one claim, world by world."""

    kind: str
    of: str
    against: str
    measured: str
    expected: str
    means: tuple[float, float]
    differences: tuple[float, ...]
    """One a world, in order of their seeds."""
    p: float
    corrected: float


class Dose(Frozen):
    """The gain over no propagation at one dose, world by world."""

    dose: float
    means: tuple[float, float]
    differences: tuple[float, ...]
