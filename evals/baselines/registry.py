"""All baselines and probes that stand beside a network in a table."""

from collections.abc import Callable, Mapping, Sequence

from evals.baselines.bpr import BprRanker
from evals.baselines.item_knn import ItemKnnRanker
from evals.baselines.pop import PopRanker
from evals.baselines.probes import LeastPopularRanker, NewestRanker, Probe, ProbeRanker
from evals.baselines.random_order import RandomRanker
from evals.baselines.ranker import Ranker
from evals.baselines.tfidf import TfidfRanker
from state.dataset import Item
from workflows.recnet import RecNet

RankerFactory = Callable[[Sequence[Item], int], Ranker]
"""Makes a ranker for a catalogue and a seed."""

BASELINES: Mapping[str, RankerFactory] = {
    "Random": lambda _, seed: RandomRanker(seed=seed),
    "Pop": lambda _, seed: PopRanker(seed=seed),
    "Item-KNN": lambda _, seed: ItemKnnRanker(seed=seed),
    "BPR": lambda _, seed: BprRanker(seed=seed),
    "TF-IDF": lambda items, seed: TfidfRanker(items, seed=seed),
}
"""Every baseline that asks no model, by its name and in its order in tables."""
ALWAYS = frozenset({"Random", "TF-IDF"})
"""The baselines of every table; the others are added by `--baselines`."""


def make_baselines(items: Sequence[Item], *, seed: int, every: bool) -> list[Ranker]:
    """Return the baselines of every table, or `every` one.

    Raises:
        InputError: the library of one of them is not installed.
    """
    return [make(items, seed) for name, make in BASELINES.items() if every or name in ALWAYS]


def make_probes(recnet: RecNet, networks: Mapping[str, str], *, seed: int) -> list[Ranker]:
    """Return the probes; `networks` holds trained networks by their names in the table."""
    of_networks = (
        ProbeRanker(recnet, network, probe, name=f"{probe}: {label}", seed=seed)
        for label, network in networks.items()
        for probe in Probe
    )
    return [LeastPopularRanker(seed=seed), NewestRanker(seed=seed), *of_networks]
