"""Evaluating networks and baselines on the same ranking tasks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evals.baselines.ranker import Ranker
from evals.baselines.recnet import RecNetRanker
from evals.baselines.registry import make_baselines, make_probes
from evals.candidates import DRAWS, NEGATIVES, PROBED, SHOWN, Negatives, RankingTasks, draw_tasks
from evals.datasets.splits import history
from evals.leakage import fitted_on, read_seen, refuse_leak
from evals.ranking import rank_all
from evals.tables import Provenance, RankingTable, make_tables
from nodes.step import require_usable
from state.dataset import Dataset, Split
from state.domain import Frozen
from state.errors import InputError
from state.store.networks import NetworkRecord
from state.store.usage import UsageTotal, sum_usage
from workflows.network import Network
from workflows.recnet import RecNet
from workflows.training.driver import mark_usage_now, read_settled, usage_since

OnProgress = Callable[[str, int], Callable[[], None]]
"""Called with a ranker's name and its number of rankings; returns what is called after each."""


class Evaluation(Frozen):
    """The tables of one evaluation, and what they cost."""

    tables: tuple[RankingTable, ...]
    omitted: tuple[str, ...]
    """Tables that could not be made, and why."""
    missing: int
    """Candidates that replies left out."""
    dropped: int
    """Unknown or repeated names in replies."""
    failed: int
    """Rankings without a usable reply: all their candidates stand in random order."""
    usage: tuple[UsageTotal, ...]
    """Calls of the whole evaluation, by prompt."""


async def evaluate_networks(
    recnet: RecNet,
    networks: Mapping[str, str],
    split: Split,
    *,
    draws: Sequence[int] = DRAWS,
    seed: int = 0,
    baselines: bool = False,
    probes: bool = False,
    on_progress: OnProgress = lambda _name, _total: lambda: None,
) -> Evaluation:
    """Rank for all users of a split by the baselines and the given networks.

    Args:
        recnet: the open database.
        networks: the networks by their names in the tables. All are of one data set and training
            seed, so that they share their tasks.
        split: `valid`, for choices, or `test`.
        draws: draws of candidates.
        seed: keys the candidates and the baselines.
        baselines: add the baselines that learn from interactions.
        probes: add the probes, and tables with equal negatives.
        on_progress: see `OnProgress`.

    Raises:
        NetworkError: a network has learned from the records that are to be predicted.
        InputError: no user has a target and enough other items, or BPR's library is missing.
        BudgetExceeded: the budget is spent.
    """
    mark = await mark_usage_now(recnet.resources)
    found = {label: await recnet.network(name).record() for label, name in networks.items()}
    for network in found.values():
        require_usable(network, recnet.resources)
    kinds = PROBED if probes else SHOWN
    dataset, drawn = await draw_network_tasks(
        recnet, next(iter(found.values())), split, seed, draws, kinds
    )
    for network in found.values():
        await refuse_leak(recnet, network, dataset, split)
    rankers = make_baselines(dataset.items, seed=seed, every=baselines)
    if probes:
        rankers += make_probes(recnet, networks, seed=seed)
    for ranker in rankers:
        ranker.fit(*history(dataset, split))
    of_networks = [
        RecNetRanker(recnet, name, name=label, seed=seed) for label, name in networks.items()
    ]
    made = Provenance(
        dataset=dataset.name,
        model=models_asked(recnet),
        encoder=recnet.resources.encoder.name,
        training_seeds=tuple(sorted({network.settings.seed for network in found.values()})),
        candidate_seed=seed,
        draws=tuple(draws),
        learned={label: await _learned(recnet, own, split) for label, own in found.items()},
    )
    tables: list[RankingTable] = []
    for tasks in drawn:
        if tasks.tasks:
            tables += await _make_tables(recnet, [*rankers, *of_networks], tasks, made, on_progress)
    if not tables:
        raise InputError(
            f"nothing to evaluate in '{dataset.name}': no user has a {split} item and "
            f"{NEGATIVES} other items that it never took"
        )
    return Evaluation(
        tables=tuple(tables),
        omitted=tuple(
            f"no table for {tasks.negatives} negatives: no user has {NEGATIVES} of them"
            for tasks in drawn
            if not tasks.tasks
        ),
        missing=sum(ranker.missing for ranker in of_networks),
        dropped=sum(ranker.dropped for ranker in of_networks),
        failed=sum(ranker.failed for ranker in of_networks),
        usage=await usage_since(recnet.resources, mark),
    )


async def evaluate_network(
    network: Network,
    split: Split,
    **options: Any,  # noqa: ANN401 - those of `evaluate_networks`
) -> Evaluation:
    """Evaluate one network: what `Network.evaluate` calls, by the entry point in pyproject.toml."""
    recnet = RecNet(network.resources)
    return await evaluate_networks(recnet, {"RecNet": network.name}, split, **options)


async def draw_network_tasks(
    recnet: RecNet,
    network: NetworkRecord,
    split: Split,
    seed: int,
    draws: Sequence[int],
    kinds: Sequence[Negatives] = SHOWN,
) -> tuple[Dataset, list[RankingTasks]]:
    """Return the data set of a network, and the tasks of each kind of negatives.

    What training draws as negatives counts as seen, so the tasks depend on the training seed.
    """
    dataset, seen = await read_seen(recnet, network, split)
    return dataset, [
        draw_tasks(dataset, split, kind=kind, seen=seen, seed=seed, draws=draws) for kind in kinds
    ]


def models_asked(recnet: RecNet) -> str:
    """Return the model that ranks and merges, and those that answer other prompts."""
    settings = recnet.resources.settings
    others = "".join(f", {name} by {model}" for name, model in sorted(settings.models.items()))
    return settings.model + others


async def _make_tables(
    recnet: RecNet,
    rankers: Sequence[Ranker],
    tasks: RankingTasks,
    made: Provenance,
    on_progress: OnProgress,
) -> list[RankingTable]:
    """Return the tables of one kind of negatives, with what their rankings cost."""
    budget, in_flight = recnet.resources.budget, recnet.resources.settings.max_concurrent_calls
    calls, cached, tokens = budget.calls, budget.cached, budget.tokens
    results = []
    for ranker in rankers:
        done = on_progress(f"{ranker.name}, {tasks.negatives}", len(tasks.tasks))
        results.append(await rank_all(ranker, tasks, concurrency=in_flight, done=done))
    cost = {
        "calls": budget.calls - calls,
        "cached": budget.cached - cached,
        "tokens": budget.tokens - tokens,
    }
    return make_tables(results, made.model_copy(update=cost))


async def _learned(recnet: RecNet, network: NetworkRecord, split: Split) -> str:
    """Return how many of the records before `split` a network has learned from, how and by whom."""
    records, settled = await read_settled(recnet.resources, network, fitted_on(split))
    async with recnet.resources.pool.connection() as conn:
        totals = await sum_usage(conn, network.id, "interactions", by="model")
    changed = network.settings.model_dump(
        exclude={"model", "encoder", "seed"}, exclude_defaults=True
    )
    settings = ", ".join(f"{name}={value}" for name, value in changed.items())
    models = " and ".join(total.name for total in totals if total.calls or total.cached)
    said = f"{len(settled)} of {len(records)}" + (f" with {settings}" if settings else "")
    return said + (f" by {models}" if models not in ("", models_asked(recnet)) else "")
