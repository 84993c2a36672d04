"""The study of planted worlds: run every kind, and hold what came of it against the claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.planted.report import Dose, StudyReport
from benchmarks.planted.verdicts import Evidence, Expected, interval, judge
from benchmarks.planted.worlds import (
    CLAIMS,
    DOSES,
    KINDS,
    NOTHING,
    VARIANTS,
    Claim,
    Measure,
    Readers,
    accuracy,
    group_readers,
    ndcg_of_followers,
)
from evals.candidates import Negatives
from evals.paper.jobs import bootstrap_base, run_jobs
from evals.paper.provenance import made_by, short_hash
from evals.paper.results import Job, Result, Results, write_whole
from evals.planted.world import World, items_for, plant_world
from state.dataset import Split
from workflows.recnet import RecNet

DRAWS = 3
"""Draws of candidates in each world."""


@dataclass(frozen=True)
class Found:
    """What was learned in one kind of worlds, world by world."""

    readers: Sequence[Readers]
    results: Mapping[str, Sequence[Result]]
    """By variant."""

    def pairs(self, of: str, against: str, measure: Measure) -> list[tuple[float, float] | None]:
        """Return what two variants reached in each world."""
        both = zip(self.results[of], self.results[against], self.readers, strict=True)
        return [measure(own, other, readers) for own, other, readers in both]


async def make_study(
    recnet: RecNet,
    seeds: Sequence[int],
    users: int,
    concurrency: int,
    out: Path,
    tell: Callable[[int, int], None],
) -> StudyReport:
    """Run all kinds of worlds with these seeds, and write what came of the claims.

    Raises:
        RecNetError: a network could not be learned; the same call goes on.
    """
    kept = Results(out)
    worlds = {kind: [_sized(world, seed, users) for seed in seeds] for kind, world in KINDS.items()}
    jobs = {kind: await _jobs(recnet, kind, own) for kind, own in worlds.items()}
    every = [job for by_variant in jobs.values() for own in by_variant.values() for job in own]
    await run_jobs(recnet, every, concurrency, kept, tell)
    found = {
        kind: Found(
            readers=[group_readers(world) for world in worlds[kind]],
            results={name: [kept.read(job) for job in own] for name, own in by_variant.items()},
        )
        for kind, by_variant in jobs.items()
    }
    every_result = [r for kind in found.values() for own in kind.results.values() for r in own]
    costs = [result.cost for result in every_result]
    series = doses(found)
    report = StudyReport(
        seeds=tuple(seeds),
        users=users,
        draws=DRAWS,
        findings=judge([*(_evidence(found, claim) for claim in CLAIMS), slope(series)]),
        doses=series,
        records=sum(cost.records for cost in costs),
        failed=sum(cost.failed for cost in costs),
        calls=sum(cost.calls for cost in costs),
        tokens=sum(cost.tokens for cost in costs),
        model=recnet.resources.settings.model,
        encoder=recnet.resources.settings.embedding,
        made_by=made_by(result.program for result in every_result),
    )
    bases = short_hash(sorted({result.job.base for result in every_result}))
    stem = f"planted-{seeds[0]}-{seeds[-1]}-{users}-{bases}"
    write_whole(out / f"{stem}.md", report.markdown())
    write_whole(out / f"{stem}.json", report.model_dump_json(indent=1))
    return report


def _sized(world: World, seed: int, users: int) -> World:
    return world.model_copy(update={"seed": seed, "users": users, "items": items_for(users)})


async def _jobs(recnet: RecNet, kind: str, worlds: Sequence[World]) -> dict[str, list[Job]]:
    """Found each world of a kind; return the jobs of each variant, one a world."""
    bases = [await bootstrap_base(recnet, plant_world(world).dataset, 0) for world in worlds]
    return {
        variant.name: [
            Job(
                base=base,
                variant=variant,
                seed=0,
                split=Split.TEST,
                draws=DRAWS,
                records=None,
                negatives=(Negatives.MATCHED,),
            )
            for base in bases
        ]
        for variant in VARIANTS[kind]
    }


def _evidence(found: Mapping[str, Found], claim: Claim) -> Evidence:
    pairs = [
        pair
        for pair in found[claim.kind].pairs(claim.of, claim.against, claim.measure)
        if pair is not None
    ]
    return Evidence(
        kind=claim.kind,
        of=claim.of,
        against=claim.against,
        measured=claim.measured,
        expected=claim.expected,
        means=(fmean(own for own, _ in pairs), fmean(other for _, other in pairs)),
        differences=tuple(own - other for own, other in pairs),
    )


def doses(found: Mapping[str, Found]) -> tuple[Dose, ...]:
    """Return the gains over no propagation by dose, the smallest dose first.

    Only worlds in which every dose can be read are counted.
    """
    kinds = {share: found[f"dose {share:g}"] for share in DOSES}
    by_dose = {
        share: kind.pairs("RecNet", NOTHING.name, ndcg_of_followers)
        for share, kind in kinds.items()
    }
    whole = [pair for pair in zip(*by_dose.values(), strict=True) if None not in pair]
    series = []
    for at, (share, kind) in enumerate(kinds.items()):
        pairs = [world[at] for world in whole]
        rewards = [pair for pair in kind.pairs("RecNet", NOTHING.name, accuracy) if pair]
        series.append(
            Dose(
                dose=share,
                means=(fmean(own for own, _ in pairs), fmean(other for _, other in pairs)),
                gain=interval(gains := tuple(own - other for own, other in pairs)),
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
        of="RecNet",
        against=NOTHING.name,
        measured="rise of the gain in NDCG@10 of followers, for a dose of 1",
        expected=Expected.MORE,
        means=None,
        differences=tuple(rises),
    )
