"""No method there is can tell the target: with another one in the data, it ranks the same.

Two worlds differ in nothing but what is held out. In both, a method is built with all it may be
given, fitted on the same past and handed the same candidates.
"""

import importlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

import evals
from evals.agentcf.training import found_agentcf, train_agentcf
from evals.candidates import Cases, Negatives, draw_cases
from evals.method_agentcf import AgentCFMethod
from evals.method_bpr import BprMethod
from evals.method_item_knn import ItemKnnMethod
from evals.method_pop import PopMethod
from evals.method_probes import LeastPopularMethod, NewestMethod, Probe, ProbeMethod
from evals.method_random import RandomMethod
from evals.method_recnet import RecNetMethod
from evals.method_tfidf import TfidfMethod
from evals.methods import Method
from evals.splits import history
from state.dataset import Dataset, Item, Split
from tests.worlds import SHAPE, tiny_dataset
from workflows.recnet import RecNet
from workflows.training import train

pytestmark = pytest.mark.long

Make = Callable[[RecNet, str, Dataset], Awaitable[Method]]


async def trained(recnet: RecNet, name: str, dataset: Dataset) -> str:
    """Load and bootstrap a network, and train it past a router update."""
    await recnet.load(name, dataset)
    await recnet.bootstrap(name, SHAPE)
    await train(recnet, name, limit=4)
    return name


async def make_recnet(recnet: RecNet, name: str, dataset: Dataset) -> Method:
    return RecNetMethod(recnet, await trained(recnet, name, dataset))


async def make_agentcf(recnet: RecNet, name: str, dataset: Dataset) -> Method:
    await recnet.load(name, dataset)
    await recnet.bootstrap(name, SHAPE)
    learned = f"{name} by AgentCF"
    await found_agentcf(recnet, name, learned)
    await train_agentcf(recnet, learned, limit=4)
    return AgentCFMethod(recnet, learned)


def make_probe(probe: Probe) -> Make:
    async def make(recnet: RecNet, name: str, dataset: Dataset) -> Method:
        return ProbeMethod(recnet, await trained(recnet, name, dataset), probe)

    return make


def plain(make: Callable[[Dataset], Method]) -> Make:
    async def made(_recnet: RecNet, _name: str, dataset: Dataset) -> Method:
        return make(dataset)

    return made


MAKERS: list[tuple[type, Make]] = [
    (RandomMethod, plain(lambda _: RandomMethod())),
    (PopMethod, plain(lambda _: PopMethod())),
    (ItemKnnMethod, plain(lambda _: ItemKnnMethod())),
    (BprMethod, plain(lambda _: BprMethod(epochs=20))),
    (TfidfMethod, plain(lambda dataset: TfidfMethod(dataset.items))),
    (LeastPopularMethod, plain(lambda _: LeastPopularMethod())),
    (NewestMethod, plain(lambda _: NewestMethod())),
    (RecNetMethod, make_recnet),
    (AgentCFMethod, make_agentcf),
    *((ProbeMethod, make_probe(probe)) for probe in Probe),
]
"""How each method is built from a world: a new method is to be added here."""


def test_every_method_there_is_stands_in_this_file() -> None:
    found = {
        kind
        for path in Path(evals.__path__[0]).glob("method_*.py")
        for _, kind in inspect.getmembers(
            importlib.import_module(f"evals.{path.stem}"), inspect.isclass
        )
        if kind.__module__ == f"evals.{path.stem}" and hasattr(kind, "fit")
    }
    assert {kind.__name__ for kind in found} == {kind.__name__ for kind, _ in MAKERS}


def worlds() -> tuple[Dataset, Dataset, Cases]:
    """Return two data sets that differ in each user's test item, and cases that hold both."""
    tiny = tiny_dataset()
    more = tuple(Item(key=f"x{n}", title=f"Untitled {n}", category="Opera") for n in range(4))
    one = tiny.model_copy(update={"items": (*tiny.items, *more)})
    cases = draw_cases(one, Split.TEST, kind=Negatives.SAMPLED, seen=frozenset(), draws=(0,))
    other = {
        case.user: next(key for key in case.candidates if key != case.target)
        for case in cases.cases
    }
    events = tuple(
        event.model_copy(update={"item": other[event.user]}) if event.split is Split.TEST else event
        for event in one.events
    )
    return one, one.model_copy(update={"events": events}), cases


@pytest.mark.parametrize(
    "make", [make for _, make in MAKERS], ids=[f"{kind.__name__}" for kind, _ in MAKERS]
)
async def test_another_target_gives_the_same_rankings(recnet: RecNet, make: Make) -> None:
    one, other, cases = worlds()
    rankings = []
    for name, dataset in (("one", one), ("other", other)):
        method = await make(recnet, name, dataset)
        method.fit(*history(dataset, Split.TEST))
        rankings.append([await method.rank(case.user, case.candidates) for case in cases.cases])
        # Nor does their order tell it: whoever draws the candidates cannot slip it in.
        turned = [replace(case, candidates=case.candidates[::-1]) for case in cases.cases]
        assert [await method.rank(case.user, case.candidates) for case in turned] == rankings[-1]
    assert rankings[0] == rankings[1]
    assert all(len(set(ranking)) == cases.size for ranking in rankings[0])
