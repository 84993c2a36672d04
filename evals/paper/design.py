"""What each table compares: ways to learn a network, and methods that need none."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from evals.ablations import ABLATIONS
from state.domain import Frozen

Learner = Literal["recnet", "agentcf", "nobody"]


class Variant(Frozen):
    """One way to learn a network, and the row it has in tables."""

    name: str
    learner: Learner = "recnet"
    settings: dict[str, object] = Field(default_factory=dict)
    """What differs from RecNet's settings."""


class Design(Frozen):
    """One table: its rows, and the row that the others are compared with."""

    title: str
    reference: str
    variants: tuple[Variant, ...]
    beside: bool = False
    """Whether the baselines of collaborative filtering stand in it, and probes of RecNet's network
    that must be at chance; random and static TF-IDF always do."""
    efficiency: bool = False
    """Whether calls and time are set against the gain, as in the paper's Table 5."""


RECNET = Variant(name="RecNet")
AGENTCF = Variant(name="AgentCF", learner="agentcf")
UNTRAINED = Variant(name="never trained", learner="nobody")


def ablation(name: str) -> Variant:
    """Return a variant by the name that the paper gives it."""
    return Variant(name=name, settings=dict(ABLATIONS[name]))


DESIGNS: Mapping[str, Design] = {
    "table2": Design(
        title="Methods (the paper's Table 2)",
        reference="TF-IDF",
        variants=(UNTRAINED, AGENTCF, ablation("no propagation"), RECNET),
        beside=True,
    ),
    "table3": Design(
        title="Ablations (the paper's Table 3)",
        reference="RecNet",
        variants=(
            RECNET,
            ablation("w/o CPR"),
            ablation("w/o PPR"),
            ablation("w/o buffer"),
            ablation("w/o filter memory"),
            ablation("w/o FPO"),
            ablation("w/o opt. filter memory"),
            ablation("w/o opt. router"),
            ablation("placebo propagation"),
            ablation("no propagation"),
        ),
    ),
    "table4": Design(
        title="Ways of propagation (the paper's Table 4)",
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
