"""One table: run what it needs, compare, write it as Markdown and JSON."""

from collections.abc import Callable
from pathlib import Path

from evals.candidates import Negatives
from evals.experiments.comparison import compare_rows
from evals.experiments.design import DESIGNS
from evals.experiments.jobs import Results, write_whole
from evals.experiments.report import Report, expenses
from evals.experiments.runner import Outcome, Plan, run_experiment
from state.dataset import Dataset
from workflows.recnet import RecNet


async def make_report(
    recnet: RecNet,
    name: str,
    dataset: Dataset,
    plan: Plan,
    out: Path,
    tell: Callable[[int, int], None],
) -> Report:
    """Run, compare and write a table; return it.

    Raises:
        RecNetError: a network could not be learned; the same call goes on.
    """
    design = DESIGNS[name]
    outcome = await run_experiment(recnet, design, dataset, plan, Results(out), tell)
    lines = compare_rows(outcome.readings, design.reference)
    first = next(iter(outcome.readings.values()))
    report = Report(
        name=name,
        title=f"{design.title}: {dataset.name}, {plan.split}",
        reference=design.reference,
        size=first[0].size,
        users={kind: own[0].users for kind, own in lines.items()},
        lines={kind: tuple(own) for kind, own in lines.items()},
        expenses=expenses(outcome.results, lines),
        made_by=_made_by(recnet, plan, outcome),
        efficiency=design.efficiency,
    )
    stem = f"{name}-{dataset.name}"
    write_whole(out / f"{stem}.md", report.markdown())
    write_whole(out / f"{stem}.json", report.model_dump_json(indent=1))
    return report


def _made_by(recnet: RecNet, plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    settings = recnet.resources.settings
    seeds = ", ".join(map(str, range(plan.seeds)))
    results = outcome.results
    clean = (
        f"{sum(r.missing for r in results)} candidates not in a reply, "
        f"{sum(r.dropped for r in results)} names dropped, "
        f"{sum(r.failed for r in results)} rankings without a reply"
    )
    lines = [
        "floor: the target always last; random line: expected of a random order; both exact",
        f"model {settings.model}, encoder {settings.embedding}; training seeds {seeds}, each with "
        f"{plan.draws} draws of candidates; intervals and paired permutation tests over users, "
        "whose ranks of all seeds and draws are averaged first; p-values corrected by Holm for "
        "all comparisons of the table",
        "smallest resolved: the smallest true difference that so many users show with 80% power",
        f"{Negatives.MATCHED} negatives share the target's status, seen or unseen in training",
        clean,
    ]
    if settings.model == "offline":
        lines.append(
            "the offline model is a set of lexical methods and no language model: these figures "
            "say what the mechanism does on these texts, and nothing of language models"
        )
    return tuple(lines)
