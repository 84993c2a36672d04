"""An experiment as Markdown and as data: figures, what they prove, what they cost."""

from collections.abc import Sequence

from evals.candidates import Negatives
from evals.metrics import CUTOFFS, random_line
from evals.paper.comparison import NEAR, Line
from evals.paper.expenses import Expense, efficiency_rows, expense_rows
from evals.paper.printed import with_printed
from evals.statistics import Interval
from evals.tables import JUDGED, LINES, MEANING, shown
from state.domain import Frozen


class Report(Frozen):
    """All that a table says."""

    name: str
    title: str
    reference: str
    size: int
    asked: int
    """Users who have an item to be ranked."""
    users: dict[Negatives, int]
    """Of these, those who have enough negatives beside it, for every training seed."""
    printed: dict[str, float]
    """NDCG@10 of some rows, as others printed it: of other samples, prompts and models."""
    lines: dict[Negatives, tuple[Line, ...]]
    probes: dict[Negatives, tuple[Line, ...]]
    """Rankings that know nothing of taste, beside a random order; none in most tables."""
    expenses: tuple[Expense, ...]
    made_by: tuple[str, ...]
    """What made the figures, line by line."""
    efficiency: bool

    def markdown(self) -> str:
        """Return the report as Markdown."""
        parts = [f"# {self.title}", ""]
        for kind, lines in self.lines.items():
            parts += [f"## {MEANING[kind]}, {self.users[kind]} of {self.asked} users", ""]
            figures = _figures(lines, self.reference, self.size)
            parts += [*markdown_table(with_printed(figures, self.printed)), ""]
        if any(self.probes.values()):
            parts += self._probes()
        parts += ["## What it took, on average over the training seeds", ""]
        parts += [*markdown_table(expense_rows(self.expenses)), ""]
        if self.efficiency:
            parts += self._efficiency()
        parts += [f"- {line}" for line in self.made_by]
        return "\n".join([*parts, ""])

    def _probes(self) -> list[str]:
        line = random_line(self.size, JUDGED)
        return [
            "## Probes: they know nothing of taste",
            "",
            f"A random order is expected to reach {line:.3f}. Under equal negatives, which were "
            "taken in training as often as the target, a probe that is elsewhere has found a leak. "
            "Under matched ones it may have found popularity: what more users took has more "
            "versions and messages too. Under sampled ones what is seen gives targets away. What "
            "is newest tells targets under all of them where tastes drift: that lies in the data, "
            "and not in how negatives are drawn.",
            "",
            "p asks whether the probe differs from a random order, and is not corrected: of twenty "
            f"at chance one is expected below 0.05. p (±{NEAR}) asks whether it lies within {NEAR} "
            "of one: only where that is small is it shown to be as good as at chance.",
            "",
            *markdown_table(_beside_random(self.probes)),
            "",
        ]

    def _efficiency(self) -> list[str]:
        line = random_line(self.size, JUDGED)
        return [
            "## Efficiency",
            "",
            "All calls are those of founding and of learning, seconds those of learning; NDCG is "
            f"under sampled negatives, where a random order is expected to reach {line:.3f} with "
            "no call at all.",
            "",
            *markdown_table(efficiency_rows(self.expenses)),
            "",
        ]


def _figures(lines: Sequence[Line], reference: str, size: int) -> list[list[str]]:
    header = ["", *(f"NDCG@{k}" for k in CUTOFFS), f"@{JUDGED} by seed"]
    header += [f"@{JUDGED} – {reference}", "p (Holm)", "smallest resolved"]
    rows = [
        [name, *(f"{value(size, k):.3f}" for k in CUTOFFS), "", "", "", ""]
        for name, value in LINES.items()
    ]
    for line in lines:
        cells = [line.name, *(shown(f.mean, f.interval) for f in line.figures)]
        rows.append([*cells, ", ".join(f"{value:.3f}" for value in line.by_seed), *_compared(line)])
    return [header, *rows]


def _beside_random(probes: dict[Negatives, tuple[Line, ...]]) -> list[list[str]]:
    header = [
        "", "negatives", "users", f"NDCG@{JUDGED}", "– random line", "p", "smallest resolved",
        f"p (±{NEAR})",
    ]  # fmt: skip
    rows = []
    for kind, lines in probes.items():
        for line in lines:
            reached = line.figures[-1]
            cells = [line.name, str(kind), f"{line.users}"]
            cells += [shown(reached.mean, reached.interval), *_compared(line)]
            rows.append([*cells, shown_p(line.near)])
    return [header, *rows]


def _compared(line: Line) -> list[str]:
    pair = line.comparison
    if pair is None:
        return ["", "", ""]
    # Of users who do not differ at all it is not known how far they vary.
    smallest = f"{pair.smallest:.3f}" if pair.smallest > 0 else "–"
    return [_signed(pair.difference, pair.interval), shown_p(line.p), smallest]


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; all columns but the first are figures."""
    header, *lines = rows
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *lines)]


def _signed(difference: float, interval: Interval) -> str:
    return f"{difference:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def shown_p(p: float | None) -> str:
    """Return a p-value as tables show it: none is told more exactly than it is known."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
