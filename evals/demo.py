"""The demonstration: the shipped sample, from loading to a table and one traced gradient."""

import asyncio
from collections.abc import Mapping

from rich.progress import Progress

from evals.ablations import ABLATIONS
from evals.datasets.registry import SAMPLE, read_dataset
from evals.evaluation import Evaluation, evaluate_networks
from state.dataset import Split
from state.domain import Frozen
from state.errors import NetworkError
from state.settings import NetworkSettings
from state.store.interactions import list_interactions
from state.store.networks import list_networks
from state.store.routers import count_routers
from workflows.commands.progress import counting_bar, training_bar
from workflows.recnet import RecNet
from workflows.trace import InteractionTrace, trace_interaction
from workflows.training.driver import TrainingReport

NETWORK = "demo"
DOMAIN = "books"
_DATASET = "harbour"
VARIANTS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "profiles never trained": (f"{NETWORK}-untrained", {}),
    "training without propagation": (f"{NETWORK}-none", ABLATIONS["no propagation"]),
    "placebo propagation": (f"{NETWORK}-placebo", ABLATIONS["placebo propagation"]),
}
"""The networks beside RecNet's own, by the names they have in the table."""


class Demonstration(Frozen):
    """What the demonstration found."""

    evaluation: Evaluation
    reports: dict[str, TrainingReport]
    """Of the trained networks, by their names in the table."""
    routers_before: int
    traced: InteractionTrace
    """An interaction whose prediction was wrong, and what was changed for it."""


async def demonstrate(
    recnet: RecNet, progress: Progress, network_settings: NetworkSettings, *, fresh: bool
) -> Demonstration:
    """Load, bootstrap, train and evaluate the sample; what an earlier run did is not done again."""
    await _found(recnet, network_settings, fresh)
    trained = {
        "training without propagation": VARIANTS["training without propagation"][0],
        "placebo propagation": VARIANTS["placebo propagation"][0],
        "RecNet": NETWORK,
    }
    reports = await asyncio.gather(
        *(
            recnet.network(name).train(on_progress=training_bar(progress, label))
            for label, name in trained.items()
        )
    )
    names = {label: name for label, (name, _) in VARIANTS.items()} | {"RecNet": NETWORK}
    evaluation = await evaluate_networks(
        recnet,
        names,
        Split.TEST,
        on_progress=lambda name, total: counting_bar(progress, f"ranking: {name}", total),
    )
    untrained = await recnet.network(VARIANTS["profiles never trained"][0]).record()
    async with recnet.resources.pool.connection() as conn:
        before, _ = await count_routers(conn, untrained.id)
    return Demonstration(
        evaluation=evaluation,
        reports=dict(zip(trained, reports, strict=True)),
        routers_before=before,
        traced=await _telling_lineage(recnet),
    )


async def _found(recnet: RecNet, network_settings: NetworkSettings, fresh: bool) -> None:
    """Make sure that all networks are there: one bootstrap, and copies of it."""
    wanted = {NETWORK, *(name for name, _ in VARIANTS.values())}
    async with recnet.resources.pool.connection() as conn:
        held = {network.name for network in await list_networks(conn)} & wanted
    if (
        held == wanted
        and not fresh
        and (await recnet.network(NETWORK).record()).settings == network_settings
    ):
        return
    for name in sorted(held):
        if (await recnet.network(name).record()).dataset != _DATASET:
            raise NetworkError(
                f"network '{name}' is not the demo's, and the demo needs its name: "
                f"load your data under another name, then `recnet drop --network {name}`"
            )
    for name in sorted(held):
        await recnet.network(name).drop()
    await recnet.load(NETWORK, read_dataset(SAMPLE, name=_DATASET, domain=DOMAIN))
    await recnet.network(NETWORK).bootstrap(network_settings)
    for name, changed in VARIANTS.values():
        await recnet.network(NETWORK).copy(name, **changed)


async def _telling_lineage(recnet: RecNet) -> InteractionTrace:
    """Return the interaction that shows most: a wrong prediction whose messages got gradients."""
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
