"""What the rows of a table took: founding, learning, ranking."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from evals.candidates import Negatives
from evals.paper.comparison import Line
from evals.paper.jobs import Result
from evals.tables import JUDGED
from state.domain import Frozen


class Expense(Frozen):
    """What one row took, on average over the seeds; calls are asks: sent, or kept from before.

    A reply that was kept is counted like one that was sent: who runs second does not look cheaper.
    """

    name: str
    records: float
    failed: float
    reward: float | None
    founding: float
    """Calls of the bootstrap; 0 where what it made by calls is not learned with."""
    calls: float
    """Of learning, router updates included."""
    kept: float
    """Calls of learning that were answered by replies kept from before."""
    tokens: float | None
    """None where a reply was kept: how long it was is not known."""
    updates: float
    """Router updates that took calls; where no model is asked they take none."""
    seconds: float | None
    """None where a run was stopped and went on, or a reply was kept."""
    ranking_calls: float
    unclean: tuple[int, int, int]
    """Over all seeds and rankings: candidates not in a reply, names dropped, rankings without a
    reply."""
    ndcg: float
    """NDCG@10 under sampled negatives."""

    @property
    def calls_a_record(self) -> float | None:
        """Calls of learning by records."""
        return self.calls / self.records if self.records else None

    @property
    def all_calls(self) -> float:
        """Calls of founding and of learning."""
        return self.founding + self.calls


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
    seconds = [cost.seconds for cost in costs if cost.seconds is not None and not cost.kept]
    kept = fmean(cost.kept for cost in costs)
    return Expense(
        name=name,
        records=fmean(cost.records for cost in costs),
        failed=fmean(cost.failed for cost in costs),
        reward=fmean(rewards) if rewards else None,
        founding=fmean(cost.founding for cost in costs),
        calls=fmean(cost.calls + cost.kept for cost in costs),
        kept=kept,
        tokens=None if kept else fmean(cost.tokens for cost in costs),
        updates=fmean(cost.updates for cost in costs),
        seconds=fmean(seconds) if len(seconds) == len(costs) else None,
        ranking_calls=fmean(result.ranking_calls + result.ranking_kept for result in results),
        unclean=(
            sum(result.missing for result in results),
            sum(result.dropped for result in results),
            sum(result.failed for result in results),
        ),
        ndcg=ndcg,
    )


def expense_rows(found: Sequence[Expense]) -> list[list[str]]:
    """Return the table of what each row took."""
    header = [
        "", "records", "failed", "reward", "founding", "calls", "a record", "kept", "tokens",
        "paid updates", "seconds", "calls to rank", "unclean",
    ]  # fmt: skip
    rows = [
        [
            e.name, _whole(e.records), _whole(e.failed), _shown(e.reward, ".3f"),
            _whole(e.founding), _whole(e.calls), _shown(e.calls_a_record, ".2f"), _whole(e.kept),
            _shown(e.tokens, ",.0f"), _whole(e.updates), _shown(e.seconds, ",.0f"),
            _whole(e.ranking_calls), " / ".join(map(_whole, e.unclean)),
        ]
        for e in found
    ]  # fmt: skip
    return [header, *rows]


def efficiency_rows(found: Sequence[Expense]) -> list[list[str]]:
    """Return the table that sets calls and time against the gain."""
    against = next((e.all_calls for e in found if e.name == "AgentCF"), 0.0)
    header = ["", "all calls", "by AgentCF's", "seconds", f"NDCG@{JUDGED}", "for each 100 calls"]
    rows = [
        [
            e.name, _whole(e.all_calls),
            _shown(e.all_calls / against if against else None, ".2f"),
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
