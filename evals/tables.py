"""Readings as tables: on the terminal, in Markdown and as data.

A table never stands without its lines (floor and random), its intervals, what made its figures,
and the smallest difference that its users can resolve (DESIGN §8).
"""

from collections.abc import Sequence

from pydantic import Field
from rich import box
from rich.table import Table

from evals.candidates import Negatives
from evals.metrics import CUTOFFS, floor, random_line
from evals.ranking import RankingResult
from evals.statistics import Comparison, Interval, bootstrap_interval, compare
from state.dataset import Split
from state.domain import Frozen

JUDGED = 10
"""The cutoff at which methods are compared."""
_LEAST_P = 0.001
"""The permutation test draws some thousand times: it does not resolve less."""
LINES = {"floor": floor, "random line": random_line}
MEANING = {
    Negatives.SAMPLED: "sampled negatives: uniform, as in the paper",
    Negatives.MATCHED: "matched negatives: taken, drawn or unseen in training like the target",
    Negatives.EQUAL: "equal negatives: taken in training exactly as often as the target",
}


class Provenance(Frozen):
    """What made the figures of a table."""

    dataset: str
    model: str = "none"
    encoder: str = "none"
    training_seeds: tuple[int, ...] = ()
    learned: dict[str, str] = Field(default_factory=dict)
    """For each trained method how many of its training records it has learned from."""
    candidate_seed: int = 0
    draws: tuple[int, ...] = (0, 1, 2)
    calls: int = Field(default=0, ge=0)
    kept: int = Field(default=0, ge=0)
    """Replies that were kept from before: another evaluation paid for them."""
    tokens: int = Field(default=0, ge=0)


class Figure(Frozen):
    """One NDCG: a mean over users and its 95% interval, None for a line or a single user."""

    k: int
    mean: float
    interval: Interval | None = None


class TableRow(Frozen):
    """One method, or one of the two lines."""

    name: str
    figures: tuple[Figure, ...]
    comparison: Comparison | None = None
    """Against the table's baseline at NDCG@10."""


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
        header, *lines = ([cell.replace("|", "\\|") for cell in row] for row in self._cells(" "))
        rule = ["---", *["---:"] * (len(header) - 1)]
        rows = [f"| {' | '.join(cells)} |" for cells in (header, rule, *lines)]
        notes = [f"- {line}" for line in self.caption]
        return "\n".join([f"**{self.title}**", "", *rows, "", *notes, ""])

    def as_dict(self) -> dict[str, object]:
        """Return everything in the table as JSON-able data."""
        return self.model_dump(mode="json")

    def _cells(self, between: str) -> list[list[str]]:
        header = ["", *(f"NDCG@{figure.k}" for figure in self.rows[0].figures)]
        compared = any(row.comparison for row in self.rows)
        if compared:
            header.append(f"@{JUDGED} – {self.baseline}")
        lines = [header]
        for row in self.rows:
            cells = [row.name, *(shown(f.mean, f.interval, between) for f in row.figures)]
            if compared:
                cells.append(_shown_comparison(row.comparison, between))
            lines.append(cells)
        return lines


def make_tables(
    readings: Sequence[RankingResult],
    provenance: Provenance,
    *,
    baseline: str = "TF-IDF",
    seed: int = 0,
) -> list[RankingTable]:
    """Return a table for each split and kind of negatives in `readings`, methods in their order.

    Methods are compared with `baseline`, or with the first method where it is not among them;
    `seed` is that of the bootstrap. Raises `ValueError` where the methods of one table did not
    rank for the same users.
    """
    groups: dict[tuple[Split, Negatives], list[RankingResult]] = {}
    for reading in readings:
        groups.setdefault((reading.split, reading.negatives), []).append(reading)
    return [_table(group, provenance, baseline, seed) for group in groups.values()]


def _table(
    readings: Sequence[RankingResult], provenance: Provenance, baseline: str, seed: int
) -> RankingTable:
    first = readings[0]
    if any(r.ranks.keys() != first.ranks.keys() or r.size != first.size for r in readings):
        raise ValueError("the methods of one table must rank the same cases")
    against = next((r for r in readings if r.method == baseline), first)
    methods = [_row(reading, against, seed) for reading in readings]
    lines = [_line(name, first.size) for name in LINES]
    return RankingTable(
        title=f"{provenance.dataset}, {first.split}, {MEANING[first.negatives]}",
        split=first.split,
        negatives=first.negatives,
        users=len(first.ranks),
        left_out=len(first.left_out),
        baseline=against.method,
        rows=(*lines, *methods),
        caption=(*_made_by(readings, provenance), _resolved(methods, against.method)),
        provenance=provenance,
    )


def _line(name: str, size: int) -> TableRow:
    value = LINES[name]
    return TableRow(name=name, figures=tuple(Figure(k=k, mean=value(size, k)) for k in CUTOFFS))


def _row(reading: RankingResult, against: RankingResult, seed: int) -> TableRow:
    figures = []
    enough = len(reading.ranks) > 1
    for k in CUTOFFS:
        values = list(reading.user_means(k).values())
        interval = bootstrap_interval(values, seed=seed) if enough else None
        figures.append(Figure(k=k, mean=sum(values) / len(values), interval=interval))
    comparison = None
    if enough and reading is not against:
        own, other = reading.user_means(JUDGED), against.user_means(JUDGED)
        comparison = compare(list(own.values()), [other[user] for user in own], seed=seed)
    return TableRow(name=reading.method, figures=tuple(figures), comparison=comparison)


def _made_by(readings: Sequence[RankingResult], made: Provenance) -> tuple[str, ...]:
    first = readings[0]
    left_out = f", {len(first.left_out)} left out for want of negatives" if first.left_out else ""
    seeds = ", ".join(map(str, made.training_seeds)) or "none"
    draws = ", ".join(map(str, made.draws))
    seconds = sum(reading.seconds for reading in readings)
    kept = f" and {made.kept:,} replies from the cache" if made.kept else ""
    tokens = "estimated tokens" if made.model == "offline" else "tokens"
    learned = "; ".join(f"{name} {count}" for name, count in made.learned.items())
    trained = (f"training records learned from: {learned}",) if learned else ()
    return (
        "floor: the target always last; random line: expected of a random order; both exact",
        f"{len(first.ranks)} users{left_out}; candidate draws {draws} of seed "
        f"{made.candidate_seed}; 95% bootstrap intervals and paired permutation tests over users",
        f"model {made.model}, encoder {made.encoder}, training seeds {seeds}; "
        f"{made.calls:,} calls{kept}, {made.tokens:,} {tokens}, {seconds:,.1f} s of ranking",
        *trained,
    )


def _resolved(methods: Sequence[TableRow], baseline: str) -> str:
    compared = [(row.name, row.comparison) for row in methods if row.comparison]
    if not compared:
        return "no two methods on at least two users: no difference can be resolved"
    users = compared[0][1].users
    least = ", ".join(f"{pair.smallest:.3f} ({name})" for name, pair in compared)
    return (
        f"the smallest true difference from {baseline} in NDCG@{JUDGED} that {users} users "
        f"resolve (80% power, 5% two-sided, a single comparison before any correction): {least}"
    )


def shown(mean: float, interval: Interval | None, between: str = " ") -> str:
    """Return a mean with its interval, if it has one."""
    spread = f"{between}({interval.low:.3f}–{interval.high:.3f})" if interval else ""
    return f"{mean:.3f}{spread}"


def _shown_comparison(pair: Comparison | None, between: str) -> str:
    if pair is None:
        return ""
    p = "p < 0.001" if pair.p < _LEAST_P else f"p = {pair.p:.3f}"
    return f"{pair.difference:+.3f}{between}{p}"
