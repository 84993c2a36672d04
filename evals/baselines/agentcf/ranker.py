"""AgentCF as a method: its network ranks through the same graph and prompt as RecNet's."""

from evals.baselines.recnet import RecNetRanker
from workflows.recnet import RecNet


class AgentCFRanker(RecNetRanker):
    """Ranks by the memories of a network that `agentcf.training.train_agentcf` has fitted."""

    def __init__(
        self, recnet: RecNet, network: str, *, name: str = "AgentCF", seed: int = 0
    ) -> None:
        super().__init__(recnet, network, name=name, seed=seed)
