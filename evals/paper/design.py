"""What each table compares: ways to train a network, and baselines that need none."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from evals.ablations import ABLATIONS
from state.dataset import Split
from state.domain import Frozen

TrainedBy = Literal["recnet", "agentcf", "none"]


class Variant(Frozen):
    """One way to train a network, and its row in tables."""

    name: str
    trainer: TrainedBy = "recnet"
    settings: dict[str, object] = Field(default_factory=dict)
    """What differs from RecNet's settings."""


class Design(Frozen):
    """One table: its rows, and the row that the others are compared with."""

    title: str
    reference: str
    variants: tuple[Variant, ...]
    baselines: bool = False
    """Whether it has all baselines, and probes of RecNet's network that must be at chance; random
    order and static TF-IDF stand in every table."""
    efficiency: bool = False
    """Whether calls and time are set against NDCG, as in the paper's Table 5."""


class Plan(Frozen):
    """What is asked for besides the table."""

    seeds: int = 3
    """Training seeds."""
    draws: int = 3
    """Draws of candidates for each user and seed."""
    split: Split = Split.TEST
    records: int | None = None
    """Train on at most this many records; None for all."""
    concurrency: int = 1
    """Networks trained at the same time, at most."""


def ablation(name: str) -> Variant:
    """Return a variant by the paper's name."""
    return Variant(name=name, settings=dict(ABLATIONS[name]))


RECNET = Variant(name="RecNet")
AGENTCF = Variant(name="AgentCF", trainer="agentcf")
UNTRAINED = Variant(name="never trained", trainer="none")
_ABLATED = (
    "w/o CPR", "w/o PPR", "w/o buffer", "w/o filter memory", "w/o FPO", "w/o opt. filter memory",
    "w/o opt. router", "placebo propagation", "no propagation",
)  # fmt: skip

DESIGNS: Mapping[str, Design] = {
    "table2": Design(
        title="Overall performance (the paper's Table 2)",
        reference="TF-IDF",
        variants=(UNTRAINED, AGENTCF, ablation("no propagation"), RECNET),
        baselines=True,
    ),
    "table3": Design(
        title="Ablations (the paper's Table 3)",
        reference="RecNet",
        variants=(RECNET, *map(ablation, _ABLATED)),
    ),
    "table4": Design(
        title="Propagation methods (the paper's Table 4)",
        reference="RecNet",
        variants=(ablation("EM"), ablation("EM+LR"), ablation("EM+LR+LS"), RECNET),
    ),
    "table5": Design(
        title="Efficiency (the paper's Table 5)",
        reference="RecNet",
        variants=(AGENTCF, RECNET, ablation("w/o router"), ablation("w/o asynchronous")),
        efficiency=True,
    ),
}
