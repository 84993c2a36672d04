"""Restructure: the optimizer's decisions as drafts, structure before anything else."""

from collections.abc import Mapping, Sequence

from langgraph.runtime import Runtime

from nodes.gather_gradients import nearest
from nodes.resources import resources
from nodes.step import Step, begin_step, window_step
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterDecision, RouterDraft, RouterUpdateState
from state.store.attributes import read_phrases
from state.store.routers import Router, read_heirs, read_routers


async def restructure_routers(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Draft what the decisions make of the routers; nothing is written yet.

    At most one structural change a router, in id order. A router that another one took into a
    merge leaves its own decision behind.
    """
    step = await begin_step(window_step(state["window"]), runtime)
    async with resources().pool.connection() as conn:
        routers = {r.id: r for r in await read_routers(conn, step.network.id)}
        heirs = await read_heirs(conn, step.network.id)
        held = sorted({a for r in routers.values() for a in r.attributes})
        phrases = await read_phrases(conn, step.network.id, held)
    named = {r.id: tuple(phrases[a] for a in r.attributes) for r in routers.values()}
    decisions = sorted(state.get("decisions", []), key=lambda d: d.router)
    drafts = await _structural(step, decisions, routers, named, free=max(heirs) + 1)
    gone = {parent for draft in drafts for parent in draft.parents}
    drafts += [
        RouterDraft(
            router=d.router,
            base=routers[d.router].version,
            profile=d.profiles[0],
            attributes=named[d.router],
            author="gradient",
        )
        for d in decisions
        if d.action == "rewrite" and d.router not in gone
    ]
    return {"drafts": drafts}


async def _structural(
    step: Step,
    decisions: Sequence[RouterDecision],
    routers: Mapping[int, Router],
    named: Mapping[int, tuple[str, ...]],
    free: int,
) -> list[RouterDraft]:
    """Return the routers that splits and merges found, numbered from `free` on."""
    drafts: list[RouterDraft] = []
    gone: set[int] = set()
    for d in decisions:
        if d.router in gone:
            continue
        if d.action == "split":
            drafts += await _split(step, d, named[d.router], free + len(drafts))
            gone.add(d.router)
        elif (partner := d.partner) is not None and partner in routers and partner not in gone:
            united = dict.fromkeys((*named[d.router], *named[partner]))
            drafts.append(
                RouterDraft(
                    router=free + len(drafts), base=0, profile=d.profiles[0],
                    attributes=tuple(united), author="merge", parents=(d.router, partner),
                )
            )  # fmt: skip
            gone |= {d.router, partner}
    return drafts


async def _split(
    step: Step, decision: RouterDecision, attributes: tuple[str, ...], free: int
) -> list[RouterDraft]:
    """Return two children; each attribute goes to the nearer one."""
    vectors = await step.embed([*decision.profiles, *attributes])
    children = {free: vectors[0], free + 1: vectors[1]}
    placed = {a: nearest(v, children) for a, v in zip(attributes, vectors[2:], strict=True)}
    return [
        RouterDraft(
            router=child,
            base=0,
            profile=profile,
            attributes=tuple(a for a in attributes if placed[a] == child),
            author="split",
            parents=(decision.router,),
        )
        for child, profile in zip(children, decision.profiles, strict=True)
    ]
