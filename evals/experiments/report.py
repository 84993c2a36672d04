"""An experiment as Markdown and as data: figures, what they prove, what they cost."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from evals.candidates import Negatives
from evals.experiments.comparison import Line
from evals.experiments.jobs import Result
from evals.metrics import CUTOFFS
from evals.statistics import Interval
from evals.tables import JUDGED, LINES, MEANING, shown
from state.domain import Frozen


class Expense(Frozen):
    """What learning one row took, on average over the seeds."""

    name: str
    records: float
    failed: float
    reward: float | None
    calls: float
    tokens: float
    updates: float
    seconds: float | None
    """None where a run was stopped and went on."""
    ranking_calls: float
    ndcg: float
    """NDCG@10 under sampled negatives."""

    @property
    def calls_an_interaction(self) -> float | None:
        """All calls, router updates included, by records."""
        return self.calls / self.records if self.records else None


class Report(Frozen):
    """All that a table says."""

    name: str
    title: str
    reference: str
    size: int
    users: dict[Negatives, int]
    lines: dict[Negatives, tuple[Line, ...]]
    expenses: tuple[Expense, ...]
    made_by: tuple[str, ...]
    """What made the figures, line by line."""
    efficiency: bool

    def markdown(self) -> str:
        """Return the report as Markdown."""
        parts = [f"# {self.title}", ""]
        for kind, lines in self.lines.items():
            parts += [f"## {MEANING[kind]}, {self.users[kind]} users", ""]
            parts += [*markdown_table(_figures(lines, self.reference, self.size)), ""]
        parts += ["## What it took, on average over the training seeds", ""]
        parts += [*markdown_table(_expenses(self.expenses)), ""]
        if self.efficiency:
            parts += ["## Efficiency", "", *markdown_table(_efficiency(self.expenses)), ""]
        parts += [f"- {line}" for line in self.made_by]
        return "\n".join([*parts, ""])


def expenses(
    results: Sequence[Result], lines: Mapping[Negatives, Sequence[Line]]
) -> tuple[Expense, ...]:
    """Return what each variant took, in the order of `results`."""
    by_name: dict[str, list[Result]] = {}
    for result in results:
        by_name.setdefault(result.job.variant.name, []).append(result)
    reached = {line.name: line.figures[-1].mean for line in lines[Negatives.SAMPLED]}
    return tuple(_expense(name, own, reached[name]) for name, own in by_name.items())


def _expense(name: str, results: Sequence[Result], ndcg: float) -> Expense:
    costs = [result.cost for result in results]
    rewards = [cost.reward for cost in costs if cost.reward is not None]
    seconds = [cost.seconds for cost in costs if cost.seconds is not None]
    return Expense(
        name=name,
        records=fmean(cost.records for cost in costs),
        failed=fmean(cost.failed for cost in costs),
        reward=fmean(rewards) if rewards else None,
        calls=fmean(cost.calls for cost in costs),
        tokens=fmean(cost.tokens for cost in costs),
        updates=fmean(cost.updates for cost in costs),
        seconds=fmean(seconds) if len(seconds) == len(costs) else None,
        ranking_calls=fmean(result.ranking_calls for result in results),
        ndcg=ndcg,
    )


def _figures(lines: Sequence[Line], reference: str, size: int) -> list[list[str]]:
    header = ["", *(f"NDCG@{k}" for k in CUTOFFS)]
    header += [f"@{JUDGED} – {reference}", "p (Holm)", "smallest resolved"]
    rows = [
        [name, *(f"{value(size, k):.3f}" for k in CUTOFFS), "", "", ""]
        for name, value in LINES.items()
    ]
    for line in lines:
        cells = [line.name, *(shown(f.mean, f.interval) for f in line.figures)]
        pair = line.comparison
        if pair is None:
            cells += ["", "", ""]
        else:
            cells += [
                _signed(pair.difference, pair.interval),
                shown_p(line.p),
                f"{pair.smallest:.3f}",
            ]
        rows.append(cells)
    return [header, *rows]


def _expenses(found: Sequence[Expense]) -> list[list[str]]:
    header = [
        "", "records", "failed", "reward", "calls", "an interaction", "tokens", "updates",
        "seconds", "calls to rank",
    ]  # fmt: skip
    rows = [
        [
            e.name, _whole(e.records), _whole(e.failed), _or_dash(e.reward, ".3f"),
            _whole(e.calls), _or_dash(e.calls_an_interaction, ".2f"), _whole(e.tokens),
            _whole(e.updates), _or_dash(e.seconds, ",.0f"), _whole(e.ranking_calls),
        ]
        for e in found
    ]  # fmt: skip
    return [header, *rows]


def _efficiency(found: Sequence[Expense]) -> list[list[str]]:
    against = next((e.calls for e in found if e.name == "AgentCF"), 0.0)
    header = ["", "calls", "by AgentCF's", "seconds", f"NDCG@{JUDGED}", "for each 100 calls"]
    rows = [
        [
            e.name, _whole(e.calls), _or_dash(e.calls / against if against else None, ".2f"),
            _or_dash(e.seconds, ",.0f"), f"{e.ndcg:.3f}",
            _or_dash(100 * e.ndcg / e.calls if e.calls else None, ".4f"),
        ]
        for e in found
    ]  # fmt: skip
    return [header, *rows]


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; all columns but the first are figures."""
    header, *lines = rows
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *lines)]


def _signed(difference: float, interval: Interval) -> str:
    return f"{difference:+.3f} ({interval.low:+.3f}–{interval.high:+.3f})"


def shown_p(p: float | None) -> str:
    """Return a p-value as tables show it: none is told more exactly than it is known."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _or_dash(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)
