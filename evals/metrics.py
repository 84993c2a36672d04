"""NDCG with one relevant item, its lowest value and that of a random order."""

import math
from statistics import fmean

CUTOFFS = (1, 5, 10)
"""The paper's K (§3.1.3)."""


def ndcg(rank: int, k: int) -> float:
    """Return NDCG@`k` of a ranking whose one target is at `rank` (1 is the top).

    With one relevant item the ideal gain is 1, so this is 1/log2(rank+1), and 0 below the cutoff.
    """
    if rank < 1 or k < 1:
        raise ValueError(f"rank and cutoff start at 1, not {rank} and {k}")
    return 1 / math.log2(rank + 1) if rank <= k else 0.0


def floor(candidates: int, k: int) -> float:
    """Return the lowest possible NDCG@`k`: the target is always last of `candidates`."""
    return ndcg(candidates, k)


def expected_random(candidates: int, k: int) -> float:
    """Return the expected NDCG@`k` of a random order of `candidates`, computed exactly."""
    return fmean(ndcg(rank, k) for rank in range(1, candidates + 1))
