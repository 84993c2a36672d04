"""The demonstration: the shipped sample, from loading to a table and one traced interaction."""

import asyncio

from rich.progress import Progress

from evals.ablations import ABLATIONS
from evals.datasets.registry import SAMPLE, read_dataset
from evals.evaluation import Evaluation, evaluate_networks
from state.dataset import Split
from state.domain import Frozen
from state.errors import NetworkError
from state.settings import NetworkSettings
from state.store.interactions import list_interactions
from state.store.routers import count_routers
from workflows.commands.progress import counting_bar, training_bar
from workflows.recnet import RecNet
from workflows.trace import InteractionTrace, trace_interaction
from workflows.training.driver import TrainingReport

NETWORK = "demo"
UNTRAINED = f"{NETWORK}-untrained"
_DATASET = "harbour"
_COPIES = {
    UNTRAINED: {},
    f"{NETWORK}-none": ABLATIONS["no propagation"],
    f"{NETWORK}-placebo": ABLATIONS["placebo propagation"],
}
"""The networks that RecNet is compared with, and their changed settings."""
_TRAINED = {
    "trained without propagation": f"{NETWORK}-none",
    "placebo: messages to random clients": f"{NETWORK}-placebo",
    "RecNet": NETWORK,
}
"""The trained networks by their names in the table."""


class Demonstration(Frozen):
    """The result of the demonstration."""

    evaluation: Evaluation
    reports: dict[str, TrainingReport]
    """Of the trained networks, by their names in the table."""
    routers_before: int
    traced: InteractionTrace
    """An interaction whose prediction was wrong, with the changes that followed."""


async def demonstrate(
    recnet: RecNet, progress: Progress, settings: NetworkSettings, *, fresh: bool
) -> Demonstration:
    """Load, bootstrap, train and evaluate the sample. A second run repeats nothing."""
    await _prepare(recnet, settings, fresh)
    reports = await asyncio.gather(
        *(
            recnet.network(name).train(on_progress=training_bar(progress, label))
            for label, name in _TRAINED.items()
        )
    )
    evaluation = await evaluate_networks(
        recnet,
        {"never trained": UNTRAINED, **_TRAINED},
        Split.TEST,
        on_progress=lambda name, total: counting_bar(progress, f"ranking: {name}", total),
    )
    untrained = await recnet.network(UNTRAINED).record()
    async with recnet.resources.pool.connection() as conn:
        routers, _ = await count_routers(conn, untrained.id)
    return Demonstration(
        evaluation=evaluation,
        reports=dict(zip(_TRAINED, reports, strict=True)),
        routers_before=routers,
        traced=await _trace_a_mistake(recnet),
    )


async def _prepare(recnet: RecNet, settings: NetworkSettings, fresh: bool) -> None:
    """Bootstrap the demo's network and copy it, unless an earlier run has done so."""
    wanted = {NETWORK, *_COPIES}
    held = [network for network in await recnet.networks() if network.name in wanted]
    records = {network.name: await network.record() for network in held}
    if len(held) == len(wanted) and not fresh and records[NETWORK].settings == settings:
        return
    for name, record in records.items():
        if record.dataset != _DATASET:
            raise NetworkError(
                f"network '{name}' is not the demo's, and the demo needs its name: "
                f"load your data under another name, then `recnet drop --network {name}`"
            )
    for network in held:
        await network.drop()
    demo = await recnet.load(NETWORK, read_dataset(SAMPLE, name=_DATASET, domain="books"))
    await demo.bootstrap(settings)
    for name, changes in _COPIES.items():
        await demo.copy(name, **changes)


async def _trace_a_mistake(recnet: RecNet) -> InteractionTrace:
    """Return the wrong prediction that changed the most modules."""
    network = await recnet.network(NETWORK).record()
    async with recnet.resources.pool.connection() as conn:
        found = sorted(await list_interactions(conn, network.id), key=lambda i: i.id)
        missed = [i for i in found if i.reward == 0] or found
        if not missed:
            raise NetworkError(f"network '{NETWORK}' has learned from nothing")
        traced = [await trace_interaction(conn, network, i.id) for i in missed[:40]]
    return max(
        traced, key=lambda t: (sum(g.status == "applied" for g in t.gradients), t.interaction)
    )
