"""What the rows of a table took: bootstrap, training, ranking."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from evals.candidates import Negatives
from evals.paper.results import Result
from evals.tables import COMPARED_AT, TableRow
from state.domain import Frozen


class Expense(Frozen):
    """What one row took, on average over the seeds.

    Calls are those sent and those answered from the cache: a network that is trained second, with
    cached replies, does not look cheaper.
    """

    name: str
    records: float
    failed: float
    reward: float | None
    bootstrap_calls: float
    calls: float
    """Of training, router updates included."""
    cached: float
    """Calls of training that were answered from the cache."""
    tokens: float | None
    """None where replies came from the cache: their length is not known."""
    updates: float
    """Router updates that took calls."""
    seconds: float | None
    """None where a run was stopped and went on, or replies came from the cache."""
    ranking_calls: float
    incomplete: tuple[int, int, int]
    """Over all seeds and rankings: candidates left out, names dropped, rankings that failed."""
    ndcg: float
    """NDCG@10 under sampled negatives."""

    @property
    def all_calls(self) -> float:
        """Calls of bootstrap and training."""
        return self.bootstrap_calls + self.calls


def expenses(
    results: Sequence[Result], rows: Mapping[Negatives, Sequence[TableRow]]
) -> tuple[Expense, ...]:
    """Return what each variant took, in the order of `results`."""
    by_name: dict[str, list[Result]] = {}
    for result in results:
        by_name.setdefault(result.job.variant.name, []).append(result)
    reached = {row.name: row.figures[-1].mean for row in rows[Negatives.SAMPLED]}
    return tuple(_expense(name, own, reached[name]) for name, own in by_name.items())


def _expense(name: str, results: Sequence[Result], ndcg: float) -> Expense:
    costs = [result.cost for result in results]
    rewards = [cost.reward for cost in costs if cost.reward is not None]
    seconds = [cost.seconds for cost in costs if cost.seconds is not None and not cost.cached]
    cached = fmean(cost.cached for cost in costs)
    return Expense(
        name=name,
        records=fmean(cost.records for cost in costs),
        failed=fmean(cost.failed for cost in costs),
        reward=fmean(rewards) if rewards else None,
        bootstrap_calls=fmean(cost.bootstrap_calls for cost in costs),
        calls=fmean(cost.calls + cost.cached for cost in costs),
        cached=cached,
        tokens=None if cached else fmean(cost.tokens for cost in costs),
        updates=fmean(cost.updates for cost in costs),
        seconds=fmean(seconds) if len(seconds) == len(costs) else None,
        ranking_calls=fmean(cost.ranking_calls for cost in costs),
        incomplete=(
            sum(cost.missing for cost in costs),
            sum(cost.dropped for cost in costs),
            sum(cost.failed_rankings for cost in costs),
        ),
        ndcg=ndcg,
    )


def expense_rows(found: Sequence[Expense]) -> list[list[str]]:
    """Return the table of what each row took."""
    header = [
        "", "records", "failed", "reward", "bootstrap calls", "calls", "per record", "cached",
        "tokens", "router updates", "seconds", "ranking calls", "incomplete",
    ]  # fmt: skip
    rows = [
        [
            e.name, _whole(e.records), _whole(e.failed), _shown(e.reward, ".3f"),
            _whole(e.bootstrap_calls), _whole(e.calls),
            _shown(e.calls / e.records if e.records else None, ".2f"), _whole(e.cached),
            _shown(e.tokens, ",.0f"), _whole(e.updates), _shown(e.seconds, ",.0f"),
            _whole(e.ranking_calls), " / ".join(map(_whole, e.incomplete)),
        ]
        for e in found
    ]  # fmt: skip
    return [header, *rows]


def efficiency_rows(found: Sequence[Expense]) -> list[list[str]]:
    """Return the table that sets calls and time against NDCG."""
    agentcf = next((e.all_calls for e in found if e.name == "AgentCF"), 0.0)
    header = [
        "", "all calls", "times AgentCF's", "seconds", f"NDCG@{COMPARED_AT}", "per 100 calls",
    ]  # fmt: skip
    rows = [
        [
            e.name, _whole(e.all_calls), _shown(e.all_calls / agentcf if agentcf else None, ".2f"),
            _shown(e.seconds, ",.0f"), f"{e.ndcg:.3f}",
            _shown(100 * e.ndcg / e.all_calls if e.all_calls else None, ".4f"),
        ]
        for e in found
    ]  # fmt: skip
    return [header, *rows]


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _shown(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)
