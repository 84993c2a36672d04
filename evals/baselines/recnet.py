"""A trained network as a ranker, through the `recommend` graph: RecNet's, or AgentCF's."""

from collections.abc import Sequence

from prompts.llm.errors import ReplyError
from state.dataset import Event
from state.randomness import draw
from workflows.recnet import RecNet


class RecNetRanker:
    """Ranks by a network as it stands; ranking never changes it."""

    def __init__(
        self, recnet: RecNet, network: str, *, name: str = "RecNet", seed: int = 0
    ) -> None:
        """Ask `network` through the open database; `seed` orders rankings that failed."""
        self.name = name
        self._recnet = recnet
        self._network = network
        self._seed = seed
        self.missing = 0
        """Candidates that replies left out."""
        self.dropped = 0
        """Unknown or repeated names in replies."""
        self.failed = 0
        """Rankings without a usable reply."""

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Do nothing: a network is fitted by `workflows.training.driver.train`, beforehand."""

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates, best first; those that the reply left out come last.

        Without a usable reply all of them come in random order, and the ranking counts as failed.
        """
        try:
            out = await self._recnet.network(self._network).recommend(user, candidates)
        except ReplyError:
            self.failed += 1
            order = sorted(candidates)
            draw(self._seed, user, *order, "no reply").shuffle(order)
            return order
        self.missing += out["missing"]
        self.dropped += out["dropped"]
        return [entry.item for entry in out["ranking"]]
