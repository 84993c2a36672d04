"""The kinds of planted worlds, and the claims about them. Both were fixed before the report seeds.

Worlds are the independent units, not the readers of one world.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.planted.outcomes import Measure, accuracy, ndcg_of_cold, ndcg_of_known
from benchmarks.planted.verdicts import Expected
from evals.planted.world import World

RECNET = "RecNet"
NOTHING = "no propagation"
PLACEBO = "placebo propagation"
UNFILTERED = "w/o filter memory"
DEVELOPMENT_SEEDS = range(10)
"""The worlds and the offline model were developed with these seeds."""
DOSES = (0.0, 0.3, 0.6)
"""Shares of early adopters: the more there are, the more there is to propagate."""

_BASE = World(cold_events=2)
NORMAL, NULL, ADVERSARIAL = "normal", "null", "adversarial"
_DOSED = {
    # One library for all doses, so that they differ only in who moves early.
    f"dose {share:g}": _BASE.model_copy(update={"early_share": share, "later_share": 0.5})
    for share in DOSES
}
KINDS: Mapping[str, World] = {
    NORMAL: _BASE,
    NULL: _BASE.model_copy(update={"shuffled": True}),
    ADVERSARIAL: _BASE.model_copy(update={"misleading": True}),
    **_DOSED,
}
"""Every kind of world; seed and size are set for each study."""

VARIANTS: Mapping[str, tuple[str, ...]] = {
    NORMAL: (RECNET, NOTHING, PLACEBO),
    NULL: (RECNET, NOTHING, PLACEBO),
    ADVERSARIAL: (RECNET, NOTHING, UNFILTERED),
    **dict.fromkeys(_DOSED, (RECNET, NOTHING)),
}
"""The networks of each kind: RecNet and ablations of it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is expected of RecNet against another variant."""

    kind: str
    against: str
    measure: Measure
    measured: str
    expected: Expected


_ACCURACY = "accuracy"
_NDCG = "NDCG@10, readers with a history"
_COLD = "NDCG@10, cold readers"
CLAIMS: Sequence[Claim] = (
    Claim(NORMAL, NOTHING, accuracy, _ACCURACY, Expected.MORE),
    Claim(NORMAL, PLACEBO, accuracy, _ACCURACY, Expected.MORE),
    Claim(NORMAL, NOTHING, ndcg_of_known, _NDCG, Expected.MORE),
    Claim(NORMAL, PLACEBO, ndcg_of_known, _NDCG, Expected.MORE),
    Claim(NORMAL, NOTHING, ndcg_of_cold, _COLD, Expected.MORE),
    Claim(NORMAL, PLACEBO, ndcg_of_cold, _COLD, Expected.MORE),
    Claim(NULL, NOTHING, accuracy, _ACCURACY, Expected.NONE),
    Claim(NULL, PLACEBO, accuracy, _ACCURACY, Expected.NONE),
    Claim(ADVERSARIAL, UNFILTERED, accuracy, _ACCURACY, Expected.MORE),
    Claim(ADVERSARIAL, UNFILTERED, ndcg_of_known, _NDCG, Expected.MORE),
    Claim(ADVERSARIAL, NOTHING, accuracy, _ACCURACY, Expected.NO_LESS),
    Claim(ADVERSARIAL, NOTHING, ndcg_of_known, _NDCG, Expected.NO_LESS),
    Claim(ADVERSARIAL, NOTHING, ndcg_of_cold, _COLD, Expected.NO_LESS),
)
