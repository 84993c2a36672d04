"""The ten candidates of a ranking: the target and nine negatives (DESIGN §8).

Which items stand beside a target, and in which order, depends on (seed, user, purpose) alone.
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


class Negatives(StrEnum):
    """How negatives are chosen."""

    SAMPLED = "sampled"
    """Uniformly: the paper's protocol."""
    MATCHED = "matched"
    """Uniformly among the items that share the target's own status: taken by somebody in training,
    only drawn as a negative there, or unseen. Otherwise that status gives the target away."""
    EQUAL = "equal"
    """Uniformly among the items of the target's status that were taken in training exactly as often
    as it: popularity tells nothing there. Few items qualify, so it is for reading probes."""


SHOWN = (Negatives.SAMPLED, Negatives.MATCHED)
"""The kinds that are shown wherever methods are compared."""
PROBED = (*SHOWN, Negatives.EQUAL)
"""The kinds that probes are read under."""


@dataclass(frozen=True)
class RankingTask:
    """One ranking to be made."""

    user: str
    candidates: tuple[str, ...]
    """Target and negatives, shuffled: what a method is shown."""
    target: str
    """Never shown to a method."""


@dataclass(frozen=True)
class RankingTasks:
    """All rankings of one split under one kind of negatives."""

    split: Split
    negatives: Negatives
    size: int
    """Candidates in each case."""
    cases: tuple[RankingTask, ...]
    """Draw by draw; within a draw, users in the order of their targets in the data set."""
    left_out: tuple[str, ...]
    """Users without a case: too few items qualify as their negatives."""


def draw_candidates(
    target: str,
    *,
    user: str,
    catalogue: Collection[str],
    history: AbstractSet[str],
    seed: int,
    purpose: str,
    status: Callable[[str], object] | None = None,
    negatives: int = NEGATIVES,
) -> tuple[str, ...] | None:
    """Return `target` and `negatives` other items, shuffled; None where too few qualify.

    `catalogue` holds distinct keys, in any order. `history` is everything the user has in the data
    set, before and after the target: no negative may be an item the user took. With `status` each
    negative has that of the target. Drawn without replacement; the result depends on the contents
    of the arguments only.
    """
    pool = [key for key in sorted(catalogue) if key not in history and key != target]
    if status is not None:
        own = status(target)
        pool = [key for key in pool if status(key) == own]
    if len(pool) < negatives:
        return None
    chance = draw(seed, user, purpose)
    candidates = [target, *chance.sample(pool, negatives)]
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
    """Return a case for every user with a target in `split`, once for each of `draws`.

    `seen` is not used for sampled negatives: the items of any training record, as history, positive
    or negative. Beside it stands whether anyone took an item, or how often: where most targets are
    new, an item that was merely drawn as a negative would else stand among ones that were taken,
    and be told from them by its popularity. Users for whom too few items qualify are left out of
    every draw and named.
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
    cases: list[RankingTask] = []
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
                cases.append(RankingTask(event.user, candidates, event.item))
    return RankingTasks(split, kind, NEGATIVES + 1, tuple(cases), tuple(left_out))
