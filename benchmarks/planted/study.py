"""The study: train every variant in every world, and test the claims."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

import numpy as np

from benchmarks.planted.claims import CLAIMS, DOSES, KINDS, NOTHING, RECNET, VARIANTS, Claim
from benchmarks.planted.outcomes import (
    Measure,
    NetworkOutcome,
    Outcomes,
    Readers,
    accuracy,
    group_readers,
    ndcg_of_followers,
)
from benchmarks.planted.report import Dose, StudyReport
from benchmarks.planted.verdicts import Evidence, Expected, interval, judge
from evals.ablations import ABLATIONS
from evals.baselines.recnet import RecNetRanker
from evals.candidates import Negatives, draw_tasks
from evals.leakage import fitted_on, read_seen
from evals.planted.world import World, items_for, plant_world
from evals.ranking import rank_all
from evals.tables import COMPARED_AT
from state.dataset import Split
from state.store.networks import list_networks
from workflows.network import Network
from workflows.recnet import RecNet
from workflows.training.driver import read_settled

DRAWS = 3
"""Draws of candidates in each world."""


@dataclass(frozen=True)
class KindResults:
    """The outcomes in one kind of worlds."""

    readers: Sequence[Readers]
    outcomes: Outcomes

    def pairs(self, against: str, measure: Measure) -> list[tuple[float, float] | None]:
        """Return the values of RecNet and another variant in each world."""
        both = zip(self.outcomes[RECNET], self.outcomes[against], self.readers, strict=True)
        return [measure(own, other, readers) for own, other, readers in both]


async def make_study(
    recnet: RecNet,
    seeds: Sequence[int],
    users: int,
    concurrency: int,
    tell: Callable[[int, int], None],
) -> StudyReport:
    """Run all kinds of worlds with these seeds, `concurrency` at a time, and test the claims.

    Raises:
        RecNetError: a network could not be trained.
    """
    items = items_for(users)
    worlds = {
        (kind, seed): world.model_copy(update={"seed": seed, "users": users, "items": items})
        for (kind, world), seed in product(KINDS.items(), seeds)
    }
    outcomes: dict[tuple[str, int], dict[str, NetworkOutcome]] = {}
    limit = asyncio.Semaphore(concurrency)

    async def run(kind: str, seed: int) -> None:
        async with limit:
            name = f"planted {kind} {seed}"
            outcomes[kind, seed] = await run_world(recnet, worlds[kind, seed], name, VARIANTS[kind])
        tell(len(outcomes), len(worlds))

    await asyncio.gather(*(run(*key) for key in worlds))
    found = {
        kind: KindResults(
            readers=[group_readers(worlds[kind, seed], max(DOSES)) for seed in seeds],
            outcomes={name: [outcomes[kind, seed][name] for seed in seeds] for name in names},
        )
        for kind, names in VARIANTS.items()
    }
    every = [outcome for of_world in outcomes.values() for outcome in of_world.values()]
    series = doses(found)
    return StudyReport(
        seeds=tuple(seeds),
        users=users,
        draws=DRAWS,
        findings=judge([*(_evidence(found, claim) for claim in CLAIMS), slope(series)]),
        doses=series,
        records=sum(len(outcome.rewards) for outcome in every),
        failed=sum(reward is None for outcome in every for reward in outcome.rewards.values()),
        calls=sum(outcome.calls for outcome in every),
        tokens=sum(outcome.tokens for outcome in every),
        model=recnet.resources.settings.model,
        encoder=recnet.resources.settings.embedding,
    )


async def run_world(
    recnet: RecNet, world: World, name: str, variants: Sequence[str]
) -> dict[str, NetworkOutcome]:
    """Bootstrap a world, and train and test a copy of it for each variant.

    Networks whose names begin with `name` are dropped before and after.
    """
    await _drop(recnet, name)
    try:
        base = await recnet.load(name, plant_world(world).dataset)
        await base.bootstrap()
        return {
            variant: await _learn(recnet, base, f"{name} {variant}", ABLATIONS.get(variant, {}))
            for variant in variants
        }
    finally:
        await _drop(recnet, name)


async def _learn(
    recnet: RecNet, base: Network, name: str, changes: Mapping[str, object]
) -> NetworkOutcome:
    network = await base.copy(name, **changes)
    report = await network.train()
    record = await network.record()
    _, rewards = await read_settled(recnet.resources, record, fitted_on(Split.TEST))
    dataset, seen = await read_seen(recnet, record, Split.TEST)
    tasks = draw_tasks(dataset, Split.TEST, kind=Negatives.MATCHED, seen=seen, draws=range(DRAWS))
    in_flight = recnet.resources.settings.max_concurrent_calls
    ranking = await rank_all(RecNetRanker(recnet, name), tasks, concurrency=in_flight)
    return NetworkOutcome(
        rewards=rewards,
        ndcg=ranking.user_means(COMPARED_AT),
        calls=report.calls + report.update_calls,
        tokens=report.input_tokens + report.output_tokens,
    )


async def _drop(recnet: RecNet, name: str) -> None:
    async with recnet.resources.pool.connection() as conn:
        names = [network.name for network in await list_networks(conn)]
    for one in names:
        if one == name or one.startswith(f"{name} "):
            await recnet.network(one).drop()


def _evidence(found: Mapping[str, KindResults], claim: Claim) -> Evidence:
    pairs = [pair for pair in found[claim.kind].pairs(claim.against, claim.measure) if pair]
    return Evidence(
        kind=claim.kind,
        against=claim.against,
        measured=claim.measured,
        expected=claim.expected,
        means=(fmean(own for own, _ in pairs), fmean(other for _, other in pairs)),
        differences=tuple(own - other for own, other in pairs),
    )


def doses(found: Mapping[str, KindResults]) -> tuple[Dose, ...]:
    """Return the gain over no propagation at each dose, the smallest dose first.

    A world counts only if it has followers at every dose.
    """
    kinds = {share: found[f"dose {share:g}"] for share in DOSES}
    by_dose = [kind.pairs(NOTHING, ndcg_of_followers) for kind in kinds.values()]
    complete = [pairs for pairs in zip(*by_dose, strict=True) if None not in pairs]
    series = []
    for at, (share, kind) in enumerate(kinds.items()):
        pairs = [world[at] for world in complete]
        rewards = [pair for pair in kind.pairs(NOTHING, accuracy) if pair]
        gains = tuple(own - other for own, other in pairs)
        series.append(
            Dose(
                dose=share,
                means=(fmean(own for own, _ in pairs), fmean(other for _, other in pairs)),
                gain=interval(gains),
                differences=gains,
                accuracy=interval([own - other for own, other in rewards]),
            )
        )
    return tuple(series)


def slope(series: Sequence[Dose]) -> Evidence:
    """Return for each world how much the gain rises with the dose (least squares)."""
    amounts = np.array([entry.dose for entry in series])
    gains = np.array([entry.differences for entry in series])
    rises: list[float] = np.polyfit(amounts, gains, 1)[0].tolist()
    return Evidence(
        kind="doses",
        against=NOTHING,
        measured="rise of the gain in NDCG@10 of followers, for a dose of 1",
        expected=Expected.MORE,
        means=None,
        differences=tuple(rises),
    )
