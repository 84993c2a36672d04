"""Probes: rankers that know nothing of taste. One that is not at chance has found a leak.

They look at how an item came to be what it is, never at what it is about. Under matched negatives
no such signal may tell the target from the others, with two exceptions. Popularity does where users
take what others took, and an item with many events also has many versions and messages: read those
probes beside Pop. And where tastes drift, the newest items are taken next. docs/evaluation.md has
figures.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import chain

from evals.baselines.pop import PopRanker
from evals.baselines.scoring import ScoringRanker, best_first
from state.dataset import Event
from state.domain import ClientKind
from state.store.clients import Signals, find_clients, read_signals
from workflows.recnet import RecNet


class LeastPopularRanker(PopRanker):
    """Ranks first what the fewest users took."""

    name = "least popular first"

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:
        """Return the negative number of events of each candidate."""
        return [-events for events in super().score(user, candidates)]


class NewestRanker(ScoringRanker):
    """Ranks first the items whose first event is latest; items without an event stand last."""

    name = "newest first"

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Note when each item was taken first."""
        self._first: dict[str, int] = {}
        for at, event in enumerate(chain(train, valid)):
            self._first.setdefault(event.item, at)

    def score(self, user: str, candidates: Sequence[str]) -> list[float]:  # noqa: ARG002
        """Return the position of each candidate's first event; -1 without one."""
        return [self._first.get(key, -1) for key in candidates]


class Probe(StrEnum):
    """What a network's store shows of an item apart from its texts."""

    SHORTEST_PROFILE = "shortest profile first"
    MOST_VERSIONS = "most versions first"
    MOST_MESSAGES = "most messages first"


_SCORES: Mapping[Probe, Callable[[Signals], float]] = {
    Probe.SHORTEST_PROFILE: lambda signals: -signals.profile_length,
    Probe.MOST_VERSIONS: lambda signals: signals.versions,
    Probe.MOST_MESSAGES: lambda signals: signals.messages,
}


class ProbeRanker:
    """Ranks by one signal in the store of a trained network."""

    def __init__(
        self, recnet: RecNet, network: str, probe: Probe, *, name: str = "", seed: int = 0
    ) -> None:
        """Read `network` through the open database; `seed` orders ties."""
        self.name = name or probe.value
        self._recnet = recnet
        self._network = network
        self._probe = probe
        self._seed = seed

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Do nothing: the network was trained beforehand."""

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates in the order of the probe, ties in random order."""
        network = await self._recnet.network(self._network).record()
        async with self._recnet.resources.pool.connection() as conn:
            ids = await find_clients(conn, network.id, ClientKind.ITEM, candidates)
            signals = await read_signals(conn, network.id, list(ids.values()))
        score = _SCORES[self._probe]
        return best_first(
            candidates, lambda key: score(signals[ids[key]]), seed=self._seed, user=user
        )
