"""Probes: rankings that know nothing of taste. One that is not at chance has found a leak.

What they look at is how an item came to be what it is, never what it is about. Under matched
negatives no such thing may tell the target from the others (DESIGN §8), but for popularity: where
users do take what others took, an item with many events has many versions and messages too. So
they are read beside Pop; docs/evaluation.md has the figures. Nor for time: where tastes drift, the
newest items are taken next.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import chain

from evals.baselines.pop import PopRanker
from evals.baselines.random_order import best_first
from state.dataset import Event
from state.domain import ClientKind
from state.store.clients import find_clients
from state.store.probe_signals import Signals, read_signals
from workflows.recnet import RecNet


class LeastPopularRanker(PopRanker):
    """Ranks first what the fewest users took."""

    name = "least popular first"

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates least often taken first, ties in random order."""
        return best_first(candidates, lambda key: -self._taken[key], seed=self._seed, user=user)


class NewestRanker:
    """Ranks first what was taken for the first time last."""

    name = "newest first"

    def __init__(self, *, seed: int = 0) -> None:
        """Let `seed` order ties."""
        self._seed = seed
        self._first: dict[str, int] = {}

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Note when each item was taken first."""
        for at, event in enumerate(chain(train, valid)):
            self._first.setdefault(event.item, at)

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the newest candidates first, then in random order those that nobody took."""
        return best_first(
            candidates, lambda key: self._first.get(key, -1), seed=self._seed, user=user
        )


class Probe(StrEnum):
    """What a network's store shows of an item apart from its texts."""

    SHORTEST_PROFILE = "shortest profile first"
    MOST_VERSIONS = "most versions first"
    MOST_MESSAGES = "most messages first"


def _score(probe: Probe, signals: Signals) -> float:
    match probe:
        case Probe.SHORTEST_PROFILE:
            return -signals.profile_length
        case Probe.MOST_VERSIONS:
            return signals.versions
        case Probe.MOST_MESSAGES:
            return signals.messages


class ProbeRanker:
    """Ranks by one signal in the store of a trained network."""

    def __init__(
        self, recnet: RecNet, network: str, probe: Probe, *, name: str = "", seed: int = 0
    ) -> None:
        """Read `network` through the open façade; `seed` orders ties."""
        self._recnet = recnet
        self._network = network
        self._probe = probe
        self._name = name or probe.value
        self._seed = seed

    @property
    def name(self) -> str:
        """The method's name in tables."""
        return self._name

    def fit(self, train: Sequence[Event], valid: Sequence[Event]) -> None:
        """Do nothing: the network was trained beforehand."""

    async def rank(self, user: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates in the order of the probe, ties in random order."""
        signals = await self._signals(candidates)
        return best_first(
            candidates,
            lambda key: _score(self._probe, signals[key]),
            seed=self._seed,
            user=user,
        )

    async def _signals(self, items: Sequence[str]) -> Mapping[str, Signals]:
        network = await self._recnet.network(self._network).record()
        async with self._recnet.resources.pool.connection() as conn:
            ids = await find_clients(conn, network.id, ClientKind.ITEM, items)
            signals = await read_signals(conn, network.id, list(ids.values()))
        return {key: signals[number] for key, number in ids.items()}
