"""Heirs: whatever a network's routers went through, somebody answers for a gradient."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodes.optimize_router import heir_of
from state.vectors import Vector

Lives = list[tuple[bool, int, int]]
"""Changes of structure in order: a merge or a split, and which of the active routers it takes."""

CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99)), max_size=12)
ANGLES = st.integers(0, 359)


def unit(angle: int) -> Vector:
    return np.asarray([np.cos(np.radians(angle)), np.sin(np.radians(angle))], dtype=np.float32)


def live(start: int, changes: Lives) -> tuple[dict[int, tuple[int, ...]], set[int]]:
    """Return the heirs of all routers, and those that are active, after these changes."""
    heirs: dict[int, tuple[int, ...]] = dict.fromkeys(range(1, start + 1), ())
    active = list(heirs)
    for merge, one, two in changes:
        if merge and len(active) < 2:
            continue
        parents = [active.pop(one % len(active))]
        if merge:
            parents.append(active.pop(two % len(active)))
        free = max(heirs) + 1
        children = (free,) if merge else (free, free + 1)
        heirs |= dict.fromkeys(children, ()) | dict.fromkeys(parents, children)
        active += children
    return heirs, set(active)


@given(start=st.integers(1, 5), changes=CHANGES, turn=ANGLES, said=ANGLES)
def test_every_gradient_finds_one_active_router_along_the_nearer_children(
    start: int, changes: Lives, turn: int, said: int
) -> None:
    heirs, active = live(start, changes)
    vectors = {router: unit(turn * router) for router in heirs}
    wanted = unit(said)
    for router in heirs:
        answers = heir_of(router, heirs, vectors, wanted)
        assert answers in active
        assert (answers == router) == (router in active)
        # One step at a time leads to the same router, by way of the nearer child.
        if children := heirs[router]:
            cosines = {child: float(vectors[child] @ wanted) for child in children}
            nearer = min(children, key=lambda child: (-cosines[child], child))
            assert answers == heir_of(nearer, heirs, vectors, wanted)
    assert len(active) >= 1
