"""The outcome of one network, and how the outcomes of two networks are compared in one world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from evals.planted.world import World, plant_world
from state.domain import Frozen


class NetworkOutcome(Frozen):
    """What one network reached in one world."""

    rewards: dict[str, int | None]
    """By record, whether it was predicted right before the network learned from it; None where it
    failed."""
    ndcg: dict[str, float]
    """By user, NDCG@10 of the test with matched negatives."""
    calls: int
    tokens: int


Outcomes = Mapping[str, Sequence[NetworkOutcome]]
"""By variant, one outcome a world."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of one world in three disjoint groups."""

    cold: frozenset[str]
    """One event of them is known."""
    early: frozenset[str]
    """Early adopters at the largest dose, so some of them are at each dose."""
    followers: frozenset[str]
    """Readers who follow at every dose."""


def group_readers(world: World, largest_dose: float) -> Readers:
    """Return the groups of a world."""
    planted = plant_world(world.model_copy(update={"early_share": largest_dose}))
    events = [event.user for event in planted.dataset.events]
    cold = frozenset(user for user in planted.community if events.count(user) <= world.cold_events)
    return Readers(cold, planted.early, frozenset(planted.community) - cold - planted.early)


Pair = tuple[float, float]
Measure = Callable[[NetworkOutcome, NetworkOutcome, Readers], Pair | None]
"""Returns the values of two variants in one world; None where the group is empty."""


def accuracy(own: NetworkOutcome, other: NetworkOutcome, _: Readers) -> Pair | None:
    """Compare the shares of right predictions, over the records at which neither failed."""
    both = [
        (reward, other.rewards[record])
        for record, reward in own.rewards.items()
        if reward is not None and other.rewards.get(record) is not None
    ]
    return _means(both)


def ndcg_of_known(own: NetworkOutcome, other: NetworkOutcome, readers: Readers) -> Pair | None:
    """Compare NDCG@10 over readers with a history."""
    return _ndcg(own, other, readers.early | readers.followers)


def ndcg_of_cold(own: NetworkOutcome, other: NetworkOutcome, readers: Readers) -> Pair | None:
    """Compare NDCG@10 over cold readers."""
    return _ndcg(own, other, readers.cold)


def ndcg_of_followers(own: NetworkOutcome, other: NetworkOutcome, readers: Readers) -> Pair | None:
    """Compare NDCG@10 over followers, whose own events are the same at every dose."""
    return _ndcg(own, other, readers.followers)


def _ndcg(own: NetworkOutcome, other: NetworkOutcome, users: frozenset[str]) -> Pair | None:
    return _means([(own.ndcg[user], other.ndcg[user]) for user in own.ndcg if user in users])


def _means(pairs: Sequence[tuple[float | None, float | None]]) -> Pair | None:
    if not pairs:
        return None
    first, second = zip(*pairs, strict=True)
    return fmean(first), fmean(second)
