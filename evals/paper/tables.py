"""Making one table: run what it needs, compare, write it as Markdown and JSON."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from evals.datasets.splits import targets
from evals.evaluation import models_asked
from evals.paper.comparison import compare_probes, compare_rows
from evals.paper.design import DESIGNS, Plan
from evals.paper.experiment import ExperimentResult, row_names, run_experiment
from evals.paper.printed import require_rows
from evals.paper.provenance import caution, program, short_hash
from evals.paper.report import Report
from evals.paper.results import Cost, Results, write_whole
from evals.tables import LINES_NOTE
from state.dataset import Dataset
from workflows.recnet import RecNet

_NAMED = 100
"""Letters of a file name before its hash; file systems take 255 bytes."""


async def make_report(
    recnet: RecNet,
    name: str,
    dataset: Dataset,
    plan: Plan,
    out: Path,
    progress: Callable[[int, int], None],
    printed: Mapping[str, float],
) -> Report:
    """Run, compare and write the table of a name, such as `table2`; return it.

    Results and tables are files in `out`. `progress` is called with the number of networks trained,
    and of how many. `printed` is NDCG@10 of some rows as printed elsewhere.

    Raises:
        RecNetError: it cannot be made of this data set, or jobs failed; the same call goes on.
        BudgetExceeded: the budget is spent; the same call goes on.
    """
    design, model = DESIGNS[name], recnet.resources.settings.model
    if printed:
        require_rows(printed, row_names(design))
    outcome = await run_experiment(recnet, design, dataset, plan, Results(out), progress)
    rows = compare_rows(outcome.rankings, design.reference)
    costs: dict[str, tuple[Cost, ...]] = {}
    for result in outcome.results:
        costs[result.job.variant.name] = (*costs.get(result.job.variant.name, ()), result.cost)
    limited = f", trained on the first {plan.records} records only" if plan.records else ""
    report = Report(
        name=name,
        title=f"{design.title}: {dataset.name}, {plan.split}{limited}, model {model}",
        reference=design.reference,
        size=next(iter(outcome.rankings.values()))[0].size,
        printed=dict(printed),
        asked=len(targets(dataset, plan.split)),
        users={kind: own[0].users for kind, own in rows.items()},
        rows={kind: tuple(own) for kind, own in rows.items()},
        probes={kind: tuple(own) for kind, own in compare_probes(outcome.probes).items()},
        costs=costs,
        notes=_notes(recnet, plan, outcome),
        efficiency=design.efficiency,
    )
    stem = file_stem(name, dataset.name, plan, {result.job.base for result in outcome.results})
    write_whole(out / f"{stem}.md", report.markdown())
    write_whole(out / f"{stem}.json", report.model_dump_json(indent=1))
    return report


def file_stem(name: str, dataset: str, plan: Plan, bases: set[str]) -> str:
    """Return the name of a table's files without their endings.

    Its hash tells apart tables of other data, models, prompts, seeds, draws and records.
    """
    read = re.sub(r"[^\w.]+", "-", f"{name}-{dataset}"[:_NAMED]).strip("-.")
    asked = plan.model_dump_json(exclude={"concurrency"})
    return f"{read}-{plan.split}-{short_hash([asked, *sorted(bases)])}"


def _notes(recnet: RecNet, plan: Plan, outcome: ExperimentResult) -> tuple[str, ...]:
    settings, seeds = recnet.resources.settings, ", ".join(map(str, range(plan.seeds)))
    here, made = program(), {result.program for result in outcome.results}
    others = " and by ".join(sorted(made))
    notes = [
        LINES_NOTE,
        f"model {models_asked(recnet)}, encoder {settings.embedding}; training seeds {seeds}; "
        f"draws of candidates for each: {plan.draws}",
        f"made by {here}" + ("" if made == {here} else f"; networks trained by {others}"),
        "intervals and paired permutation tests over users, whose ranks of all seeds and draws are "
        "averaged first; p-values corrected by Holm for all comparisons of the table; they hold "
        "for these training seeds, and `by seed` shows how far seeds are apart",
        "smallest resolved: the smallest true difference that so many users show with 80% power, "
        "at 5% before correction",
        "matched negatives have the target's status: taken by somebody in training, only drawn as "
        "a negative there, or unseen",
    ]
    if plan.records is not None:
        notes.append(
            f"networks were trained on the first {plan.records} records of each seed only; the "
            "baselines were fitted on everything before the split, and matched negatives count as "
            "drawn what any planned record draws, trained on or not"
        )
    notes.append(
        "calls are those sent and those answered from the cache; bootstrap calls are given where "
        "the trainer uses what they made; calls, tokens and seconds are those of training, without "
        "bootstrap and ranking; incomplete: candidates left out of a reply / names dropped / "
        "rankings without a reply, over all seeds, draws and kinds of negatives"
    )
    costs = [result.cost for result in outcome.results]
    timed = sorted({c.concurrency for c in costs if c.seconds is not None and not c.cached})
    if timed:
        mixed = "" if len(timed) == 1 else ", so they cannot be compared"
        number = " or ".join(map(str, timed))
        notes.append(f"networks trained at the same time where seconds are given: {number}{mixed}")
    if any(cost.cached for cost in costs):
        notes.append(
            "replies were taken from the cache: seconds and tokens of such rows are not given; "
            "`RECNET_CACHE=false` asks every time"
        )
    return (*notes, *caution(settings.model))
