"""RecNet as a method: a trained network ranks through the `recommend` graph."""

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
        self._recnet = recnet
        self._network = network
        self._name = name
        self._seed = seed
        self.missing = 0
        """Candidates that replies left out."""
        self.dropped = 0
        """Unknown or repeated names in replies."""
        self.failed = 0
        """Rankings that no usable reply came for."""

    @property
    def name(self) -> str:
        """The method's name in tables."""
        return self._name

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Do nothing: a network is fitted by `workflows.training.driver.train`, beforehand."""

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates, best first; those the reply left out stand last.

        Where no usable reply came, that is all of them: in random order, and counted.
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
