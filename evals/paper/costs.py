"""What the rows of a table took, as the tables show it: means over the training seeds."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from evals.paper.results import Cost
from evals.tables import COMPARED_AT

Costs = Mapping[str, Sequence[Cost]]
"""For each row the costs of its training seeds."""


def cost_rows(costs: Costs) -> list[list[str]]:
    """Return the table of what each row took.

    Calls are those sent and those answered from the cache: a network that is trained second does
    not look cheaper. Tokens and seconds are not shown where replies came from the cache.
    """
    cells = {name: _cells(own) for name, own in costs.items()}
    header = ["", *next(iter(cells.values()))]
    return [header, *([name, *own.values()] for name, own in cells.items())]


def efficiency_rows(costs: Costs, ndcg: Mapping[str, float]) -> list[list[str]]:
    """Return the table that sets calls and time against each row's NDCG@10."""
    calls = {name: _mean(own, lambda c: c.bootstrap_calls + c.asked) for name, own in costs.items()}
    agentcf = calls.get("AgentCF")
    header = ["", "all calls", "times AgentCF's", "seconds", f"NDCG@{COMPARED_AT}", "per 100 calls"]
    rows = [
        [
            name, _shown(own), _shown(own / agentcf if agentcf else None, ".2f"),
            _shown(_mean(costs[name], _seconds)), f"{ndcg[name]:.3f}",
            _shown(100 * ndcg[name] / own if own else None, ".4f"),
        ]
        for name, own in calls.items() if own is not None
    ]  # fmt: skip
    return [header, *rows]


def _cells(costs: Sequence[Cost]) -> dict[str, str]:
    rewards = [cost.reward for cost in costs if cost.reward is not None]
    records, calls = _mean(costs, lambda c: c.records), _mean(costs, lambda c: c.asked)
    incomplete = [(cost.missing, cost.dropped, cost.failed_rankings) for cost in costs]
    return {
        "records": _shown(records),
        "failed": _shown(_mean(costs, lambda c: c.failed)),
        "reward": _shown(fmean(rewards) if rewards else None, ".3f"),
        "bootstrap calls": _shown(_mean(costs, lambda c: c.bootstrap_calls)),
        "calls": _shown(calls),
        "per record": _shown(calls / records if calls is not None and records else None, ".2f"),
        "cached": _shown(_mean(costs, lambda c: c.cached)),
        "tokens": _shown(_mean(costs, lambda c: None if c.cached else c.tokens)),
        "router updates": _shown(_mean(costs, lambda c: c.updates)),
        "seconds": _shown(_mean(costs, _seconds)),
        "ranking calls": _shown(_mean(costs, lambda c: c.ranking_calls)),
        "incomplete": " / ".join(_shown(sum(counts)) for counts in zip(*incomplete, strict=True)),
    }


def _seconds(cost: Cost) -> float | None:
    return None if cost.cached else cost.seconds


def _mean(costs: Sequence[Cost], value: Callable[[Cost], float | None]) -> float | None:
    """Return the mean over seeds, None where it is not known for one of them."""
    values = [own for cost in costs if (own := value(cost)) is not None]
    return fmean(values) if len(values) == len(costs) else None


def _shown(number: float | None, form: str = ",.0f") -> str:
    return "–" if number is None else format(number, form)
