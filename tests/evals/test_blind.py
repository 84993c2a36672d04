"""No ranker can know the target: with another target in the data, it ranks the same.

Two data sets differ only in what is held out. In both, a ranker is built with all it may be given,
fitted on the same past and given the same candidates.
"""

import importlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

import evals
from evals.baselines.agentcf.training import copy_for_agentcf, train_agentcf
from evals.baselines.bpr import BprRanker
from evals.baselines.item_knn import ItemKnnRanker
from evals.baselines.pop import PopRanker
from evals.baselines.probes import LeastPopularRanker, NewestRanker, Probe, ProbeRanker
from evals.baselines.random_order import RandomRanker
from evals.baselines.ranker import Ranker
from evals.baselines.recnet import RecNetRanker
from evals.baselines.tfidf import TfidfRanker
from evals.candidates import Negatives, RankingTasks, draw_tasks
from evals.datasets.splits import history
from state.dataset import Dataset, Item, Split
from tests.support.tiny_network import NETWORK_SETTINGS, tiny_dataset
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow

Make = Callable[[RecNet, str, Dataset], Awaitable[Ranker]]


async def trained(recnet: RecNet, name: str, dataset: Dataset) -> str:
    """Load and bootstrap a network, and train it past a router update."""
    await recnet.load(name, dataset)
    await recnet.network(name).bootstrap(NETWORK_SETTINGS)
    await recnet.network(name).train(limit=4)
    return name


async def make_recnet(recnet: RecNet, name: str, dataset: Dataset) -> Ranker:
    return RecNetRanker(recnet, await trained(recnet, name, dataset))


async def make_agentcf(recnet: RecNet, name: str, dataset: Dataset) -> Ranker:
    await recnet.load(name, dataset)
    await recnet.network(name).bootstrap(NETWORK_SETTINGS)
    learned = f"{name} by AgentCF"
    await copy_for_agentcf(recnet, name, learned)
    await train_agentcf(recnet, learned, limit=4)
    return RecNetRanker(recnet, learned, name="AgentCF")


def make_probe(probe: Probe) -> Make:
    async def make(recnet: RecNet, name: str, dataset: Dataset) -> Ranker:
        return ProbeRanker(recnet, await trained(recnet, name, dataset), probe)

    return make


def plain(make: Callable[[Dataset], Ranker]) -> Make:
    async def made(_recnet: RecNet, _name: str, dataset: Dataset) -> Ranker:
        return make(dataset)

    return made


MAKERS: list[tuple[type, Make]] = [
    (RandomRanker, plain(lambda _: RandomRanker())),
    (PopRanker, plain(lambda _: PopRanker())),
    (ItemKnnRanker, plain(lambda _: ItemKnnRanker())),
    (BprRanker, plain(lambda _: BprRanker(epochs=20))),
    (TfidfRanker, plain(lambda dataset: TfidfRanker(dataset.items))),
    (LeastPopularRanker, plain(lambda _: LeastPopularRanker())),
    (NewestRanker, plain(lambda _: NewestRanker())),
    (RecNetRanker, make_recnet),
    (RecNetRanker, make_agentcf),
    *((ProbeRanker, make_probe(probe)) for probe in Probe),
]
"""How each ranker is built from a data set: add a new ranker here."""


def test_every_ranker_is_in_this_file() -> None:
    modules = [
        importlib.import_module(f"evals.baselines.{path.stem}")
        for path in Path(evals.__path__[0], "baselines").glob("*.py")
    ]
    found = {
        kind.__name__
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and kind.__name__.endswith("Ranker")
    }
    abstract = {"Ranker", "ScoringRanker"}
    assert found - abstract == {kind.__name__ for kind, _ in MAKERS}


def worlds() -> tuple[Dataset, Dataset, RankingTasks]:
    """Return two data sets that differ in each user's test item, and tasks that hold both."""
    tiny = tiny_dataset()
    more = tuple(Item(key=f"x{n}", title=f"Untitled {n}", category="Opera") for n in range(4))
    one = tiny.model_copy(update={"items": (*tiny.items, *more)})
    tasks = draw_tasks(one, Split.TEST, kind=Negatives.SAMPLED, seen=frozenset(), draws=(0,))
    other = {
        task.user: next(key for key in task.candidates if key != task.target)
        for task in tasks.tasks
    }
    events = tuple(
        replace(event, item=other[event.user]) if event.split is Split.TEST else event
        for event in one.events
    )
    return one, one.model_copy(update={"events": events}), tasks


@pytest.mark.parametrize(
    "make", [make for _, make in MAKERS], ids=[f"{kind.__name__}" for kind, _ in MAKERS]
)
async def test_another_target_gives_the_same_rankings(recnet: RecNet, make: Make) -> None:
    one, other, tasks = worlds()
    rankings = []
    for name, dataset in (("one", one), ("other", other)):
        ranker = await make(recnet, name, dataset)
        ranker.fit(*history(dataset, Split.TEST))
        rankings.append([await ranker.rank(task.user, task.candidates) for task in tasks.tasks])
        # Nor does their order tell it: whoever draws the candidates cannot slip it in.
        turned = [replace(task, candidates=task.candidates[::-1]) for task in tasks.tasks]
        assert [await ranker.rank(task.user, task.candidates) for task in turned] == rankings[-1]
    assert rankings[0] == rankings[1]
    assert all(len(set(ranking)) == tasks.size for ranking in rankings[0])
