"""What stands beside a network in a table: baselines, and probes that must be at chance."""

from collections.abc import Mapping, Sequence

from evals.baselines.bpr import BprRanker
from evals.baselines.item_knn import ItemKnnRanker
from evals.baselines.pop import PopRanker
from evals.baselines.probes import LeastPopularRanker, NewestRanker, Probe, ProbeRanker
from evals.baselines.random_order import RandomRanker
from evals.baselines.ranker import Ranker
from evals.baselines.tfidf import TfidfRanker
from state.dataset import Item
from workflows.recnet import RecNet


def baselines(items: Sequence[Item], *, seed: int, learned: bool) -> list[Ranker]:
    """Return random and static TF-IDF, and between them those that learn from who took what.

    Raises `InputError` where `learned` is asked for and the library of BPR is not installed.
    """
    taught: list[Ranker] = []
    if learned:
        taught = [PopRanker(seed=seed), ItemKnnRanker(seed=seed), BprRanker(seed=seed)]
    return [RandomRanker(seed=seed), *taught, TfidfRanker(items, seed=seed)]


def probes(recnet: RecNet, networks: Mapping[str, str], *, seed: int) -> list[Ranker]:
    """Return the probes of trained networks, which are given by their names in the table."""
    stored = (
        ProbeRanker(recnet, network, probe, name=f"{probe}: {label}", seed=seed)
        for label, network in networks.items()
        for probe in Probe
    )
    return [LeastPopularRanker(seed=seed), NewestRanker(seed=seed), *stored]
