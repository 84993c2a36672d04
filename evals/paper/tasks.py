"""The cases that all methods of one training seed share."""

from collections.abc import Sequence

from evals.candidates import SHOWN, Negatives, RankingTasks, draw_tasks
from evals.leakage import read_material
from state.dataset import Dataset, Split
from state.store.networks import NetworkRecord
from workflows.recnet import RecNet


async def draw_all(
    recnet: RecNet,
    network: NetworkRecord,
    split: Split,
    seed: int,
    draws: int,
    kinds: Sequence[Negatives] = SHOWN,
) -> tuple[Dataset, list[RankingTasks]]:
    """Return the data set of a network and the cases of each kind of negatives.

    What training draws as negatives decides what is seen, so the cases belong to a training seed.
    """
    dataset, seen = await read_material(recnet, network, split)
    cases = [
        draw_tasks(dataset, split, kind=kind, seen=seen, seed=seed, draws=range(draws))
        for kind in kinds
    ]
    return dataset, cases
