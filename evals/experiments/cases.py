"""The cases that all methods of one training seed share."""

from evals.candidates import SHOWN, Cases, draw_cases
from evals.material import read_material
from state.dataset import Dataset, Split
from state.store.networks import Network
from workflows.recnet import RecNet


async def draw_all(
    recnet: RecNet, network: Network, split: Split, seed: int, draws: int
) -> tuple[Dataset, list[Cases]]:
    """Return the data set of a network and the cases of both kinds of negatives.

    What training draws as negatives decides what is seen, so the cases belong to a training seed.
    """
    dataset, seen = await read_material(recnet, network, split)
    cases = [
        draw_cases(dataset, split, kind=kind, seen=seen, seed=seed, draws=range(draws))
        for kind in SHOWN
    ]
    return dataset, cases
