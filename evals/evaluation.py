"""Evaluating networks beside the baselines, on cases that all methods share."""

from collections.abc import Callable, Sequence

from evals.baselines.ranker import Ranker
from evals.baselines.recnet import RecNetRanker
from evals.baselines.registry import baselines, probes
from evals.candidates import DRAWS, NEGATIVES, PROBED, SHOWN, RankingTasks, draw_tasks
from evals.datasets.splits import history
from evals.leakage import fitted_on, read_material, refuse_leak
from evals.ranking import RankingResult, evaluate
from evals.tables import Provenance, RankingTable, make_tables
from nodes.step import require_usable
from prompts.llm.errors import BudgetExceeded
from state.dataset import Split
from state.domain import Frozen
from state.errors import InputError
from state.store.networks import NetworkRecord
from state.store.usage import UsageTotal, sum_usage
from workflows.network import Network
from workflows.recnet import RecNet
from workflows.training.driver import read_settled
from workflows.usage import mark_usage_now, usage_since

Started = Callable[[str, int], Callable[[], None]]
"""Told a method's name and how many rankings it makes; returns what is called after each."""


class Evaluation(Frozen):
    """The tables of one evaluation and what they cost."""

    tables: tuple[RankingTable, ...]
    omitted: tuple[str, ...]
    """Tables that could not be made, and why."""
    missing: int
    """Candidates that replies left out."""
    dropped: int
    """Unknown or repeated names in replies."""
    failed: int
    """Rankings that no usable reply came for: all their candidates stand in random order."""
    usage: tuple[UsageTotal, ...]
    """What all of it took, by prompt."""


async def evaluate_networks(
    recnet: RecNet,
    networks: dict[str, str],
    split: Split,
    *,
    draws: Sequence[int] = DRAWS,
    seed: int = 0,
    learned_too: bool = False,
    probed: bool = False,
    started: Started = lambda _name, _total: lambda: None,
) -> Evaluation:
    """Rank for all users of a split by the baselines and the given networks.

    Args:
        recnet: the open façade.
        networks: the networks to read, by the name they have in the tables; all of one data set
            and seed, so that the same cases suit all of them.
        split: `valid`, for choices, or `test`.
        draws: draws of candidates.
        seed: that of the candidates and of the baselines.
        learned_too: let Pop, item-KNN and BPR rank too.
        probed: let the probes rank too, those of a store for each of the networks, and all methods
            among equal negatives too.
        started: told of each method, and of each of its rankings.

    Raises:
        NetworkError: a network has learned from the records that are to be predicted.
        InputError: no user has a target and enough other items, or BPR's library is missing.
    """
    mark = await mark_usage_now(recnet.resources)
    names = list(networks.values())
    found = [await recnet.network(name).record() for name in names]
    for network in found:
        require_usable(network, recnet.resources)
    dataset, seen = await read_material(recnet, found[0], split)
    for network in found:
        await refuse_leak(recnet, network, dataset, split)
    learned = {
        label: await _learned(recnet, network, split)
        for label, network in zip(networks, found, strict=True)
    }
    methods = baselines(dataset.items, seed=seed, learned=learned_too)
    if probed:
        methods += probes(recnet, networks, seed=seed)
    for method in methods:
        method.fit(*history(dataset, split))
    ranked = [RecNetRanker(recnet, name, name=label, seed=seed) for label, name in networks.items()]
    made = Provenance(
        dataset=dataset.name,
        model=asked_models(recnet),
        encoder=recnet.resources.encoder.name,
        training_seeds=tuple(sorted({network.settings.seed for network in found})),
        candidate_seed=seed,
        draws=tuple(draws),
        learned=learned,
    )
    tables: list[RankingTable] = []
    omitted: list[str] = []
    for kind in PROBED if probed else SHOWN:
        cases = draw_tasks(dataset, split, kind=kind, seen=seen, seed=seed, draws=draws)
        if not cases.cases:
            omitted.append(f"no table for {kind} negatives: no user has {NEGATIVES} of them")
            continue
        tables += await _make_tables(recnet, [*methods, *ranked], cases, made, started)
    if not tables:
        raise InputError(
            f"nothing to evaluate in '{dataset.name}': no user has a {split} item and "
            f"{NEGATIVES} other items that it never took"
        )
    return Evaluation(
        tables=tuple(tables),
        omitted=tuple(omitted),
        missing=sum(method.missing for method in ranked),
        dropped=sum(method.dropped for method in ranked),
        failed=sum(method.failed for method in ranked),
        usage=await usage_since(recnet.resources, mark),
    )


async def evaluate_network(
    network: Network,
    split: Split,
    *,
    draws: Sequence[int] = DRAWS,
    seed: int = 0,
    baselines: bool = False,
    probes: bool = False,
    on_progress: Started = lambda _name, _total: lambda: None,
) -> Evaluation:
    """Evaluate one network: what `Network.evaluate` calls, by the entry point in pyproject.toml."""
    return await evaluate_networks(
        RecNet(network.resources),
        {"RecNet": network.name},
        split,
        draws=draws,
        seed=seed,
        learned_too=baselines,
        probed=probes,
        started=on_progress,
    )


async def _make_tables(
    recnet: RecNet,
    methods: Sequence[Ranker],
    cases: RankingTasks,
    made: Provenance,
    started: Started,
) -> list[RankingTable]:
    """Return the tables of one kind of negatives, with what their rankings cost."""
    budget = recnet.resources.budget
    before = (budget.calls, budget.cached, budget.tokens)
    readings = await _read(methods, cases, recnet.resources.settings.calls_in_flight, started)
    after = (budget.calls, budget.cached, budget.tokens)
    spent = [now - then for now, then in zip(after, before, strict=True)]
    cost = dict(zip(("calls", "kept", "tokens"), spent, strict=True))
    return make_tables(readings, made.model_copy(update=cost))


async def _read(
    methods: Sequence[Ranker], cases: RankingTasks, at_once: int, started: Started
) -> list[RankingResult]:
    readings = []
    for method in methods:
        made = _Made(started(f"{method.name}, {cases.negatives}", len(cases.cases)))
        try:
            readings.append(await evaluate(method, cases, concurrency=at_once, done=made))
        except BudgetExceeded as stop:
            of = f"{len(cases.cases)} rankings of {method.name}, {cases.negatives} negatives"
            raise BudgetExceeded(f"{stop}; {made.rankings} of {of}, are made") from None
    return readings


class _Made:
    """Counts the rankings of one method as they are made."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self.rankings = 0

    def __call__(self) -> None:
        self.rankings += 1
        self._tell()


async def _learned(recnet: RecNet, network: NetworkRecord, split: Split) -> str:
    """Return how many of the records before `split` a network has settled, how and by whom."""
    records, settled = await read_settled(recnet.resources, network, fitted_on(split))
    async with recnet.resources.pool.connection() as conn:
        asked = await sum_usage(conn, network.id, "interactions", by="model")
    network_settings = network.settings.model_dump(
        exclude={"model", "encoder", "seed"}, exclude_defaults=True
    )
    settings = ", ".join(f"{name}={value}" for name, value in network_settings.items())
    learned_by = " and ".join(total.name for total in asked if total.calls or total.cached)
    return "".join(
        (
            f"{len(settled)} of {len(records)}",
            f" with {settings}" if settings else "",
            f" by {learned_by}" if learned_by not in ("", asked_models(recnet)) else "",
        )
    )


def asked_models(recnet: RecNet) -> str:
    """Return the model that ranks and merges, and those that this process asks other prompts."""
    settings = recnet.resources.settings
    others = "".join(f", {name} by {model}" for name, model in sorted(settings.models.items()))
    return settings.model + others
