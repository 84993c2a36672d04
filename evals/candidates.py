"""The ten candidates of a ranking: the target and nine negatives (§3.1.3).

Which negatives are drawn, and in which order all stand, depends on (seed, user, purpose) alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from evals.datasets.splits import history, targets
from state.dataset import Dataset, Split
from state.randomness import draw

NEGATIVES = 9
DRAWS = (0, 1, 2)
"""The paper repeats all test instances three times."""


class Negatives(StrEnum):
    """How negatives are chosen."""

    SAMPLED = "sampled"
    """Uniformly, as in the paper."""
    MATCHED = "matched"
    """Uniformly among the items with the target's own status: taken by somebody in training, only
    drawn as a negative there, or unseen. Otherwise the status gives the target away."""
    EQUAL = "equal"
    """Uniformly among the items of the target's status that were taken in training exactly as often
    as the target: popularity says nothing there. Few items qualify; it is meant for probes."""


SHOWN = (Negatives.SAMPLED, Negatives.MATCHED)
"""The kinds under which rankers are compared."""
PROBED = (*SHOWN, Negatives.EQUAL)
"""The kinds under which probes are checked."""


@dataclass(frozen=True)
class RankingTask:
    """One ranking to make."""

    user: str
    candidates: tuple[str, ...]
    """Target and negatives, shuffled: what a ranker sees."""
    target: str
    """A ranker never sees it."""


@dataclass(frozen=True)
class RankingTasks:
    """All rankings of one split under one kind of negatives."""

    split: Split
    negatives: Negatives
    size: int
    """Candidates in each task."""
    tasks: tuple[RankingTask, ...]
    """Draw by draw; within a draw, users in the order of their targets in the data set."""
    left_out: tuple[str, ...]
    """Users without a task: too few items qualify as their negatives."""


def draw_candidates(
    target: str,
    *,
    user: str,
    catalogue: Collection[str],
    history: AbstractSet[str],
    seed: int,
    purpose: str,
    status: Callable[[str], object] | None = None,
) -> tuple[str, ...] | None:
    """Return `target` and nine other items, shuffled; None where too few qualify.

    `catalogue` holds distinct keys, in any order. `history` holds all items of the user in the data
    set, before and after the target: none of them is a negative. With `status` each negative has
    that of the target. Negatives are drawn without replacement; the result depends on the contents
    of the arguments only.
    """
    pool = [key for key in sorted(catalogue) if key not in history and key != target]
    if status is not None:
        own = status(target)
        pool = [key for key in pool if status(key) == own]
    if len(pool) < NEGATIVES:
        return None
    chance = draw(seed, user, purpose)
    candidates = [target, *chance.sample(pool, NEGATIVES)]
    chance.shuffle(candidates)
    return tuple(candidates)


def draw_tasks(
    dataset: Dataset,
    split: Split,
    *,
    kind: Negatives,
    seen: AbstractSet[str],
    seed: int = 0,
    draws: Sequence[int] = DRAWS,
) -> RankingTasks:
    """Return a task for every user with a target in `split`, once for each of `draws`.

    `seen` holds the items of any training record, as history, positive or negative; sampled
    negatives do not use it. An item's status is whether it was seen, and whether (or how often)
    anyone took it: an item that was only drawn as a negative could otherwise be told by its
    popularity from those that were taken. Users for whom too few items qualify are left out and
    named.
    """
    times = Counter(event.item for event in chain(*history(dataset, split)))
    status = {
        Negatives.SAMPLED: None,
        Negatives.MATCHED: lambda key: (key in seen, key in times),
        Negatives.EQUAL: lambda key: (key in seen, times[key]),
    }[kind]
    catalogue = sorted(item.key for item in dataset.items)
    taken: dict[str, set[str]] = defaultdict(set)
    for event in dataset.events:
        taken[event.user].add(event.item)
    tasks: list[RankingTask] = []
    left_out: dict[str, None] = {}
    for number in draws:
        for event in targets(dataset, split):
            candidates = draw_candidates(
                event.item,
                user=event.user,
                catalogue=catalogue,
                history=taken[event.user],
                seed=seed,
                purpose=f"candidates:{kind}:{split}:{number}",
                status=status,
            )
            if candidates is None:
                left_out[event.user] = None
            else:
                tasks.append(RankingTask(event.user, candidates, event.item))
    return RankingTasks(split, kind, NEGATIVES + 1, tuple(tasks), tuple(left_out))
