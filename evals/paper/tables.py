"""One table: run what it needs, compare, write it as Markdown and JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path

from evals.datasets.splits import targets
from evals.evaluation import asked_models
from evals.paper.comparison import compare_probes, compare_rows
from evals.paper.design import DESIGNS
from evals.paper.expenses import expenses
from evals.paper.experiment import Outcome, Plan, row_names, run_experiment
from evals.paper.jobs import Results, write_whole
from evals.paper.naming import mark, stem, title
from evals.paper.printed import require_rows
from evals.paper.provenance import caution, made_by
from evals.paper.report import Report
from state.dataset import Dataset
from workflows.recnet import RecNet


async def make_report(
    recnet: RecNet,
    name: str,
    dataset: Dataset,
    plan: Plan,
    out: Path,
    tell: Callable[[int, int], None],
    printed: Mapping[str, float],
) -> Report:
    """Run, compare and write a table; return it.

    Args:
        recnet: the open façade.
        name: the table's, as `table2`.
        dataset: what it is made on.
        plan: what else is asked for.
        out: the folder for results and tables.
        tell: told how many networks are learned, of how many.
        printed: NDCG@10 of some rows, by others.

    Raises:
        RecNetError: it cannot be made of this data set, or jobs failed; the same call goes on.
        BudgetExceeded: the budget is spent; the same call goes on.
    """
    design, settings = DESIGNS[name], recnet.resources.settings
    if printed:
        require_rows(printed, row_names(design, dataset.items))
    outcome = await run_experiment(recnet, design, dataset, plan, Results(out), tell)
    lines = compare_rows(outcome.readings, design.reference)
    first = next(iter(outcome.readings.values()))
    report = Report(
        name=name,
        title=title(design.title, dataset, plan, settings),
        reference=design.reference,
        size=first[0].size,
        printed=dict(printed),
        asked=len(targets(dataset, plan.split)),
        users={kind: own[0].users for kind, own in lines.items()},
        lines={kind: tuple(own) for kind, own in lines.items()},
        probes={kind: tuple(own) for kind, own in compare_probes(outcome.probes).items()},
        expenses=expenses(outcome.results, lines),
        made_by=_made_by(recnet, plan, outcome),
        efficiency=design.efficiency,
    )
    files = stem(name, dataset, plan, settings, mark(outcome.results))
    write_whole(out / f"{files}.md", report.markdown())
    write_whole(out / f"{files}.json", report.model_dump_json(indent=1))
    return report


def _made_by(recnet: RecNet, plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    return (
        "floor: the target always last; random line: expected of a random order; both exact",
        *_asked(recnet, plan, outcome),
        "intervals and paired permutation tests over users, whose ranks of all seeds and draws are "
        "averaged first; p-values corrected by Holm for all comparisons of the table; they hold "
        "for these training seeds, and `by seed` shows how far seeds are apart",
        "smallest resolved: the smallest true difference that so many users show with 80% power, "
        "at 5% before correction",
        "matched negatives have the target's status: taken by somebody in training, only drawn as "
        "a negative there, or unseen",
        *_limited(plan),
        *_costs(outcome),
        *caution(recnet.resources.settings.model),
    )


def _asked(recnet: RecNet, plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    seeds = ", ".join(map(str, range(plan.seeds)))
    return (
        f"model {asked_models(recnet)}, encoder {recnet.resources.settings.embedding}; training "
        f"seeds {seeds}; draws of candidates for each: {plan.draws}",
        made_by(result.program for result in outcome.results),
    )


def _limited(plan: Plan) -> tuple[str, ...]:
    if plan.records is None:
        return ()
    return (
        f"networks learned from the first {plan.records} records of each seed only; the methods "
        "beside them were fitted on everything before the split, and matched negatives count as "
        "drawn what any planned record draws, learned from or not",
    )


def _costs(outcome: Outcome) -> tuple[str, ...]:
    costs = [result.cost for result in outcome.results]
    lines = [
        "calls are asks, sent or answered by kept replies; founding: calls of the bootstrap, where "
        "what it made by calls is learned with; calls, tokens and seconds are of learning, and "
        "neither of founding nor of ranking; unclean: candidates not in a reply / names dropped "
        "/ rankings without a reply, over all seeds, draws and kinds of negatives",
    ]
    timed = sorted({cost.at_once for cost in costs if cost.seconds is not None and not cost.kept})
    if timed:
        mixed = "" if len(timed) == 1 else ", so they are not alike"
        number = " or ".join(map(str, timed))
        lines.append(f"networks learned at once where seconds are told: {number}{mixed}")
    if any(cost.kept for cost in costs):
        lines.append(
            "replies were taken from the cache: seconds and tokens of such rows are not told; "
            "`RECNET_CACHE=false` asks every time"
        )
    return tuple(lines)
