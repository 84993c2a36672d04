"""The study of planted worlds: run every kind, and hold what came of it against the claims."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from evals.experiments.jobs import Job, Result, Results, write_whole
from evals.experiments.runner import do_jobs, find_result, found_base
from evals.experiments.worlds import (
    CLAIMS,
    KINDS,
    NOTHING,
    VARIANTS,
    Claim,
    Dose,
    Finding,
    accuracy,
    dose,
)
from evals.experiments.worlds_report import StudyReport, interval
from evals.planted_world import items_for, plant_world
from evals.statistics import holm, worlds_p
from state.dataset import Split
from workflows.recnet import RecNet

Found = Mapping[tuple[str, str], Sequence[Result]]
"""Results by kind of world and variant, one a seed."""


async def make_study(
    recnet: RecNet,
    seeds: Sequence[int],
    users: int,
    processes: int,
    out: Path,
    tell: Callable[[int, int], None],
) -> StudyReport:
    """Run all kinds of worlds with these seeds, and write what came of the claims.

    Raises:
        RecNetError: a network could not be learned; the same call goes on.
    """
    kept = Results(out)
    jobs: dict[tuple[str, str], list[Job]] = {}
    for kind, world in KINDS.items():
        for seed in seeds:
            own = {"seed": seed, "users": users, "items": items_for(users)}
            dataset = plant_world(world.model_copy(update=own)).dataset
            base = await found_base(recnet, dataset, 0)
            for variant in VARIANTS[kind]:
                job = Job(
                    base=base, variant=variant, seed=0, split=Split.TEST, draws=1, records=None
                )
                jobs.setdefault((kind, variant.name), []).append(job)
    every = [job for own in jobs.values() for job in own]
    await do_jobs(every, processes, recnet.resources.settings.model, kept, tell)
    found = {key: [find_result(kept, job) for job in own] for key, own in jobs.items()}
    series = doses(found)
    rising = slopes(series)
    report = StudyReport(
        seeds=tuple(seeds),
        users=users,
        findings=judge(found, CLAIMS),
        doses=series,
        slope=interval(rising),
        slope_p=worlds_p(rising, [0.0] * len(rising)),
        calls=sum(result.cost.calls for own in found.values() for result in own),
        model=recnet.resources.settings.model,
        encoder=recnet.resources.settings.embedding,
    )
    write_whole(out / "planted.md", report.markdown())
    write_whole(out / "planted.json", report.model_dump_json(indent=1))
    return report


def judge(found: Found, claims: Sequence[Claim]) -> tuple[Finding, ...]:
    """Return what came of each claim; p-values are corrected for all of them."""
    pairs = [_pair(found, claim) for claim in claims]
    differences = [[own - other for own, other in pair] for pair in pairs]
    ps = [worlds_p(*zip(*pair, strict=True)) for pair in pairs]
    return tuple(
        Finding(
            kind=claim.kind,
            of=claim.of,
            against=claim.against,
            measured=claim.measured,
            expected=claim.expected,
            means=(fmean(own for own, _ in pair), fmean(other for _, other in pair)),
            differences=tuple(difference),
            p=p,
            corrected=corrected,
        )
        for claim, pair, difference, p, corrected in zip(
            claims, pairs, differences, ps, holm(ps), strict=True
        )
    )


def doses(found: Found) -> tuple[Dose, ...]:
    """Return the gain over no propagation by dose, the smallest dose first."""
    series = []
    for kind in KINDS:
        if (amount := dose(kind)) is None:
            continue
        pair = _pair(found, Claim(kind, "RecNet", NOTHING.name, accuracy, "", ""))
        means = fmean(own for own, _ in pair), fmean(other for _, other in pair)
        gains = tuple(own - other for own, other in pair)
        series.append(Dose(dose=amount, means=means, differences=gains))
    return tuple(sorted(series, key=lambda entry: entry.dose))


def slopes(series: Sequence[Dose]) -> list[float]:
    """Return for each world how much the gain rises with the dose (least squares)."""
    amounts = np.array([entry.dose for entry in series])
    gains = np.array([entry.differences for entry in series])
    slope: list[float] = np.polyfit(amounts, gains, 1)[0].tolist()
    return slope


def _pair(found: Found, claim: Claim) -> list[tuple[float, float]]:
    """Return the two values of each world that has both."""
    both = zip(found[claim.kind, claim.of], found[claim.kind, claim.against], strict=True)
    values = [(claim.measure(own), claim.measure(other)) for own, other in both]
    return [(own, other) for own, other in values if own is not None and other is not None]
