"""A table of the paper as Markdown and as data: figures, comparisons, probes, costs."""

from collections.abc import Sequence

from evals.candidates import Negatives
from evals.metrics import CUTOFFS, expected_random
from evals.paper.comparison import NEAR
from evals.paper.costs import cost_rows, efficiency_rows
from evals.paper.printed import with_printed
from evals.paper.results import Cost
from evals.tables import (
    COMPARED_AT,
    MEANING,
    TableRow,
    format_figure,
    format_p,
    line_rows,
    markdown_table,
)
from state.domain import Frozen

_PROBE_NOTE = (
    "A random order is expected to reach {chance}. Under equal negatives, which were taken in "
    "training as often as the target, a probe that is elsewhere has found a leak. Under "
    "matched ones it may have found popularity: items of more users have more versions and "
    "messages too. Under sampled ones, being seen in training gives targets away. Where tastes "
    "drift, the newest items tell targets under all of them: that is in the data."
)
_P_NOTE = (
    "p asks whether the probe differs from a random order, and is not corrected: of twenty "
    f"probes at chance, one is expected below 0.05. p (±{NEAR}) asks whether it lies within "
    f"{NEAR} of one: only where that is small is it shown to be as good as at chance."
)


class Report(Frozen):
    """All that a table says."""

    name: str
    title: str
    reference: str
    size: int
    """Candidates in each ranking."""
    asked: int
    """Users with an item to be ranked."""
    users: dict[Negatives, int]
    """Of these, those with enough negatives for every training seed."""
    printed: dict[str, float]
    """NDCG@10 of some rows as printed elsewhere, of other samples, prompts and models."""
    rows: dict[Negatives, tuple[TableRow, ...]]
    probes: dict[Negatives, tuple[TableRow, ...]]
    """Empty in most tables."""
    costs: dict[str, tuple[Cost, ...]]
    """For each trained row the costs of its seeds."""
    notes: tuple[str, ...]
    """How the figures were made, and how to read them."""
    efficiency: bool

    def markdown(self) -> str:
        """Return the report as Markdown."""
        parts = [f"# {self.title}", ""]
        for kind, rows in self.rows.items():
            parts += [f"## {MEANING[kind]}, {self.users[kind]} of {self.asked} users", ""]
            figures = _figures(rows, self.reference, self.size)
            parts += [*markdown_table(with_printed(figures, self.printed)), ""]
        chance = f"{expected_random(self.size, COMPARED_AT):.3f}"
        if any(self.probes.values()):
            parts += ["## Probes: rankers that know nothing of taste", ""]
            parts += [_PROBE_NOTE.format(chance=chance), "", _P_NOTE, ""]
            parts += [*markdown_table(_probes(self.probes)), ""]
        parts += ["## What it took, on average over the training seeds", ""]
        parts += [*markdown_table(cost_rows(self.costs)), ""]
        if self.efficiency:
            ndcg = {row.name: row.figures[-1].mean for row in self.rows[Negatives.SAMPLED]}
            parts += [
                "## Efficiency",
                "",
                "All calls are those of bootstrap and training, seconds those of training; NDCG is "
                f"under sampled negatives, where a random order is expected to reach {chance} "
                "without any call.",
                "",
                *markdown_table(efficiency_rows(self.costs, ndcg)),
                "",
            ]
        return "\n".join([*parts, *(f"- {note}" for note in self.notes), ""])


def _figures(rows: Sequence[TableRow], reference: str, size: int) -> list[list[str]]:
    header = ["", *(f"NDCG@{k}" for k in CUTOFFS), f"@{COMPARED_AT} by seed"]
    cells = [[*header, f"@{COMPARED_AT} – {reference}", "p (Holm)", "smallest resolved"]]
    for row in (*line_rows(size), *rows):
        by_seed = ", ".join(f"{value:.3f}" for value in row.by_seed)
        cells.append([row.name, *map(format_figure, row.figures), by_seed, *_compared(row)])
    return cells


def _probes(probes: dict[Negatives, tuple[TableRow, ...]]) -> list[list[str]]:
    header = ["", "negatives", "users", f"NDCG@{COMPARED_AT}", "– random order", "p"]
    cells = [[*header, "smallest resolved", f"p (±{NEAR})"]]
    for kind, rows in probes.items():
        for row in rows:
            reached = [str(kind), f"{row.users}", format_figure(row.figures[-1])]
            cells.append([row.name, *reached, *_compared(row), format_p(row.p_near)])
    return cells


def _compared(row: TableRow) -> list[str]:
    pair = row.comparison
    if pair is None:
        return ["", "", ""]
    # Where all users have the same difference, their spread is not known.
    smallest = f"{pair.smallest:.3f}" if pair.smallest > 0 else "–"
    spread = f"({pair.interval.low:+.3f} to {pair.interval.high:+.3f})"
    return [f"{pair.difference:+.3f} {spread}", format_p(row.p), smallest]
