"""Restructure routers: the optimizer's decisions become planned changes."""

from collections.abc import Mapping, Sequence

from langgraph.runtime import Runtime

from nodes.gather_gradients import nearest
from nodes.step import Step, begin_step, window_step
from nodes.vocabulary import read_attribute_phrases
from state.domain import Module
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterChange, RouterDecision, RouterUpdateState
from state.store.routers import read_heirs, read_routers


async def restructure_routers(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Plan the rewrites, splits and merges of routers (§2.4); nothing is written yet.

    At most one structural change a router, in id order. A router that another one's merge took
    leaves its own decision behind. Attributes are embedded; no model is called.
    """
    step = await begin_step(window_step(state["window"]), runtime)
    async with step.connection() as conn:
        routers = await read_routers(conn, step.network.id)
        heirs = await read_heirs(conn, step.network.id)
        held = {router.id: router.attributes for router in routers}
        phrases = await read_attribute_phrases(conn, step.network.id, held)
    versions = {router.id: router.version for router in routers}
    decisions = sorted(state.get("decisions", []), key=lambda d: d.router)
    changes = await _structural(step, decisions, phrases, free=max(heirs) + 1)
    retired = {parent for change in changes for parent in change.parents}
    changes += [
        RouterChange(
            module=Module.router(d.router),
            base=versions[d.router],
            texts=((d.profiles[0], "gradient"),),
            attributes=phrases[d.router],
        )
        for d in decisions
        if d.action == "rewrite" and d.router not in retired
    ]
    return {"restructured": changes}


async def _structural(
    step: Step,
    decisions: Sequence[RouterDecision],
    phrases: Mapping[int, tuple[str, ...]],
    free: int,
) -> list[RouterChange]:
    """Return the routers that splits and merges create, numbered from `free` on."""
    changes: list[RouterChange] = []
    retired: set[int] = set()
    for d in decisions:
        if d.router in retired:
            continue
        if d.action == "split":
            changes += await _split(step, d, phrases[d.router], free + len(changes))
            retired.add(d.router)
        elif (partner := d.partner) is not None and partner in phrases and partner not in retired:
            united = dict.fromkeys((*phrases[d.router], *phrases[partner]))
            changes.append(
                RouterChange(
                    module=Module.router(free + len(changes)),
                    base=0,
                    texts=((d.profiles[0], "merge"),),
                    attributes=tuple(united),
                    parents=(d.router, partner),
                )
            )
            retired |= {d.router, partner}
    return changes


async def _split(
    step: Step, decision: RouterDecision, attributes: tuple[str, ...], free: int
) -> list[RouterChange]:
    """Return two children; each attribute goes to the nearer one."""
    vectors = await step.embed([*decision.profiles, *attributes])
    children = {free: vectors[0], free + 1: vectors[1]}
    placed = {a: nearest(v, children) for a, v in zip(attributes, vectors[2:], strict=True)}
    return [
        RouterChange(
            module=Module.router(child),
            base=0,
            texts=((profile, "split"),),
            attributes=tuple(a for a in attributes if placed[a] == child),
            parents=(decision.router,),
        )
        for child, profile in zip(children, decision.profiles, strict=True)
    ]
