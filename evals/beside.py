"""What stands beside a network in a table: baselines, and probes that must be at chance."""

from collections.abc import Mapping, Sequence

from evals.method_bpr import BprMethod
from evals.method_item_knn import ItemKnnMethod
from evals.method_pop import PopMethod
from evals.method_probes import LeastPopularMethod, NewestMethod, Probe, ProbeMethod
from evals.method_random import RandomMethod
from evals.method_tfidf import TfidfMethod
from evals.methods import Method
from state.dataset import Item
from workflows.recnet import RecNet


def baselines(items: Sequence[Item], *, seed: int, learned: bool) -> list[Method]:
    """Return random and static TF-IDF, and between them those that learn from who took what.

    Raises `InputError` where `learned` is asked for and the library of BPR is not installed.
    """
    taught: list[Method] = []
    if learned:
        taught = [PopMethod(seed=seed), ItemKnnMethod(seed=seed), BprMethod(seed=seed)]
    return [RandomMethod(seed=seed), *taught, TfidfMethod(items, seed=seed)]


def probes(recnet: RecNet, networks: Mapping[str, str], *, seed: int) -> list[Method]:
    """Return the probes of trained networks, which are given by their names in the table."""
    stored = (
        ProbeMethod(recnet, network, probe, name=f"{probe}: {label}", seed=seed)
        for label, network in networks.items()
        for probe in Probe
    )
    return [LeastPopularMethod(seed=seed), NewestMethod(seed=seed), *stored]
