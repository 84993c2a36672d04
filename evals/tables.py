"""Ranking results as tables: on the terminal, in Markdown and as data."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from pydantic import Field
from rich import box
from rich.table import Table

from evals.candidates import Negatives
from evals.metrics import CUTOFFS, expected_random, floor
from evals.ranking import RankingResult
from evals.statistics import Comparison, Interval, bootstrap_interval, compare
from state.dataset import Split
from state.domain import Frozen

COMPARED_AT = 10
"""The cutoff at which rankers are compared."""
LINES_NOTE = "floor: the target always last; random order: its expectation; both exact"
MEANING = {
    Negatives.SAMPLED: "sampled negatives: uniform, as in the paper",
    Negatives.MATCHED: "matched negatives: taken, drawn or unseen in training like the target",
    Negatives.EQUAL: "equal negatives: taken in training exactly as often as the target",
}


class Provenance(Frozen):
    """How the numbers of a table were made."""

    dataset: str
    model: str = "none"
    encoder: str = "none"
    training_seeds: tuple[int, ...] = ()
    learned: dict[str, str] = Field(default_factory=dict)
    """For each trained network how many of its training records it has learned from."""
    candidate_seed: int = 0
    draws: tuple[int, ...] = (0, 1, 2)
    calls: int = Field(default=0, ge=0)
    cached: int = Field(default=0, ge=0)
    """Replies from the cache, which cost nothing."""
    tokens: int = Field(default=0, ge=0)


class Figure(Frozen):
    """One NDCG@k: a mean over users and its 95% interval, None for a line or a single user."""

    k: int
    mean: float
    interval: Interval | None = None


class TableRow(Frozen):
    """One ranker, or one of the two lines."""

    name: str
    users: int = 0
    figures: tuple[Figure, ...]
    comparison: Comparison | None = None
    """Against the table's reference at NDCG@10; of a probe, against the random order."""
    by_seed: tuple[float, ...] = ()
    """NDCG@10 of each training seed."""
    p: float | None = None
    """The comparison's p-value, corrected for all comparisons of the table; of a probe, not."""
    p_near: float | None = None
    """Of a probe, the p-value of its being as good as at chance."""


class RankingTable(Frozen):
    """One table: one split, one kind of negatives."""

    title: str
    split: Split
    negatives: Negatives
    users: int
    left_out: int
    baseline: str
    rows: tuple[TableRow, ...]
    caption: tuple[str, ...]
    provenance: Provenance

    def rich(self) -> Table:
        """Return the table for a terminal."""
        table = Table(
            title=self.title,
            caption="\n".join(self.caption),
            caption_justify="left",
            box=box.SIMPLE_HEAD,
        )
        header, *lines = self._cells("\n")
        for at, cell in enumerate(header):
            table.add_column(cell, justify="left" if at == 0 else "right", no_wrap=at > 0)
        for row, cells in zip(self.rows, lines, strict=True):
            table.add_row(*cells, style=None if row.figures[0].interval else "dim")
        return table

    def markdown(self) -> str:
        """Return the table as Markdown, its caption as a list below."""
        notes = [f"- {line}" for line in self.caption]
        rows = markdown_table(self._cells(" "))
        return "\n".join([f"**{self.title}**", "", *rows, "", *notes, ""])

    def _cells(self, between: str) -> list[list[str]]:
        lines = [["", *(f"NDCG@{k}" for k in CUTOFFS), f"@{COMPARED_AT} – {self.baseline}"]]
        for row in self.rows:
            compared = ""
            if row.comparison:
                p = format_p(row.comparison.p)
                told = f"p {p}" if p.startswith("<") else f"p = {p}"
                compared = f"{row.comparison.difference:+.3f}{between}{told}"
            lines.append([row.name, *(format_figure(f, between) for f in row.figures), compared])
        if not any(row.comparison for row in self.rows):
            return [line[:-1] for line in lines]
        return lines


def make_tables(results: Sequence[RankingResult], provenance: Provenance) -> list[RankingTable]:
    """Return a table for each split and kind of negatives in `results`, rankers in their order.

    Rankers are compared with TF-IDF, or with the first one where it is not among them. Raises
    `ValueError` where the rankers of one table did not rank for the same users.
    """
    groups: dict[tuple[Split, Negatives], list[RankingResult]] = {}
    for result in results:
        groups.setdefault((result.split, result.negatives), []).append(result)
    return [_table(group, provenance) for group in groups.values()]


def make_row(result: RankingResult, against: Mapping[str, float] | None) -> TableRow:
    """Return the row of a ranker, compared with others' NDCG@10 of the same users, if given."""
    enough = len(result.ranks) > 1
    figures = []
    for k in CUTOFFS:
        values = list(result.user_means(k).values())
        interval = bootstrap_interval(values) if enough else None
        figures.append(Figure(k=k, mean=fmean(values), interval=interval))
    comparison = None
    if enough and against is not None:
        own = result.user_means(COMPARED_AT)
        comparison = compare([own[user] for user in against], list(against.values()))
    return TableRow(
        name=result.ranker, users=len(result.ranks), figures=tuple(figures), comparison=comparison
    )


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; all columns but the first are numbers."""
    header, *lines = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *lines)]


def format_figure(figure: Figure, between: str = " ") -> str:
    """Return a mean with its interval, if it has one."""
    low_high = figure.interval
    spread = f"{between}({low_high.low:.3f}–{low_high.high:.3f})" if low_high else ""
    return f"{figure.mean:.3f}{spread}"


def format_p(p: float | None) -> str:
    """Return a p-value, no more exactly than the permutation test resolves it."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def line_rows(size: int) -> list[TableRow]:
    """Return the floor and the random order of rankings of `size` candidates."""
    return [
        TableRow(name=name, figures=tuple(Figure(k=k, mean=value(size, k)) for k in CUTOFFS))
        for name, value in (("floor", floor), ("random order (expected)", expected_random))
    ]


def _table(results: Sequence[RankingResult], provenance: Provenance) -> RankingTable:
    first = results[0]
    if any(r.ranks.keys() != first.ranks.keys() or r.size != first.size for r in results):
        raise ValueError("the rankers of one table must do the same tasks")
    reference = next((r for r in results if r.ranker == "TF-IDF"), first)
    against = reference.user_means(COMPARED_AT)
    rows = [make_row(r, None if r is reference else against) for r in results]
    return RankingTable(
        title=f"{provenance.dataset}, {first.split}, {MEANING[first.negatives]}",
        split=first.split,
        negatives=first.negatives,
        users=len(first.ranks),
        left_out=len(first.left_out),
        baseline=reference.ranker,
        rows=(*line_rows(first.size), *rows),
        caption=(*_made_by(results, provenance), _resolved(rows, reference.ranker)),
        provenance=provenance,
    )


def _made_by(results: Sequence[RankingResult], made: Provenance) -> tuple[str, ...]:
    first = results[0]
    left_out = f", {len(first.left_out)} left out for want of negatives" if first.left_out else ""
    seeds = ", ".join(map(str, made.training_seeds)) or "none"
    draws = ", ".join(map(str, made.draws))
    cached = f" and {made.cached:,} replies from the cache" if made.cached else ""
    tokens = "estimated tokens" if made.model == "offline" else "tokens"
    learned = "; ".join(f"{name} {count}" for name, count in made.learned.items())
    return (
        LINES_NOTE,
        f"{len(first.ranks)} users{left_out}; candidate draws {draws} of seed "
        f"{made.candidate_seed}; 95% bootstrap intervals and paired permutation tests over users",
        f"model {made.model}, encoder {made.encoder}, training seeds {seeds}; {made.calls:,} calls"
        f"{cached}, {made.tokens:,} {tokens}, {sum(r.seconds for r in results):,.1f} s of ranking",
        *((f"training records learned from: {learned}",) if learned else ()),
    )


def _resolved(rows: Sequence[TableRow], baseline: str) -> str:
    compared = [(row.name, row.comparison) for row in rows if row.comparison]
    if not compared:
        return "no two rankers on at least two users: no difference can be resolved"
    least = ", ".join(f"{pair.smallest:.3f} ({name})" for name, pair in compared)
    return (
        f"the smallest true difference from {baseline} in NDCG@{COMPARED_AT} that "
        f"{compared[0][1].users} users resolve (80% power, 5% two-sided, a single comparison "
        f"before any correction): {least}"
    )
