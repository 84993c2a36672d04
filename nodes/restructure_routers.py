"""Plan how routers change in an update: structure and texts (§2.4, Eq. 3), and their gradients.

Nothing is written before the commit.
"""

from collections.abc import Mapping, Sequence

from langgraph.runtime import Runtime

from nodes.attributes import nearest, read_attribute_phrases
from nodes.optimize_router import GRADIENTS_READ, by_router
from nodes.step import Step, begin_step, window_step
from state.domain import Gradient, Module
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterChange, RouterDecision, RouterUpdateState
from state.store.routers import Router, read_heirs, read_routers
from state.store.versions import Author


async def restructure_routers(
    state: RouterUpdateState, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Plan the rewrites, splits and merges of routers (§2.4); nothing is written yet.

    At most one structural change a router, in id order. A router that another one's merge took
    leaves its own decision behind. Attributes are embedded; no model is called.
    """
    step = await begin_step(window_step(state["window"]), runtime)
    async with step.connection() as conn:
        heirs = await read_heirs(conn, step.network.id)
    routers, phrases = await read_active_routers(step)
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


async def read_active_routers(step: Step) -> tuple[list[Router], dict[int, tuple[str, ...]]]:
    """Return the active routers, and their attributes as phrases."""
    async with step.connection() as conn:
        routers = await read_routers(conn, step.network.id)
        held = {router.id: router.attributes for router in routers}
        return routers, await read_attribute_phrases(conn, step.network.id, held)


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
            merged = RouterChange(
                module=Module.router(free + len(changes)),
                texts=((d.profiles[0], "merge"),),
                attributes=tuple(dict.fromkeys((*phrases[d.router], *phrases[partner]))),
                parents=(d.router, partner),
            )
            changes.append(merged)
            retired.update(merged.parents)
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
            texts=((profile, "split"),),
            attributes=tuple(a for a in attributes if placed[a] == child),
            parents=(decision.router,),
        )
        for child, profile in zip(children, decision.profiles, strict=True)
    ]


def plan_router_changes(
    state: RouterUpdateState,
    routers: Sequence[Router],
    phrases: Mapping[int, tuple[str, ...]],
    most: int,
) -> list[RouterChange]:
    """Return the routers that change, by id.

    First comes what the optimizer wrote, then the summary of new attributes (Eq. 3). A pinned
    router gets attributes and no text. `routers` are the active ones, as stored, `phrases` their
    attributes, of which a router holds at most `most`.
    """
    versions = {router.id: router.version for router in routers}
    restructured = {change.router: change for change in state.get("restructured", [])}
    assigned = {entry.router: entry.attributes for entry in state.get("assigned", [])}
    summaries = {summary.router: summary.profile for summary in state.get("summaries", [])}
    changes = []
    for router in sorted(restructured.keys() | assigned.keys()):
        change = restructured.get(router) or RouterChange(
            module=Module.router(router), base=versions[router], attributes=phrases[router]
        )
        texts: list[tuple[str, Author]] = list(change.texts)
        if router in summaries:
            texts.append((summaries[router], "summary"))
        new = assigned.get(router, ())
        held = tuple(dict.fromkeys((*new, *change.attributes)))[:most]
        update = {"texts": tuple(texts), "attributes": held, "new_attributes": new}
        changes.append(change.model_copy(update=update))
    return changes


def settle_pending(state: RouterUpdateState, changes: Sequence[RouterChange]) -> list[Gradient]:
    """Return the pending gradients that this update applied or rejected.

    Gradients of a router whose decision another structural change overtook are left out: they
    wait for the next update, where the router or its heir answers for them.
    """
    heirs = {parent: change for change in reversed(changes) for parent in change.parents}
    changed = {change.router: change for change in changes}
    decisions = {decision.router: decision for decision in state.get("decisions", [])}
    settled: list[Gradient] = []
    for router, gradients in by_router(state["pending_gradients"]).items():
        decision, heir = decisions[router], heirs.get(router)
        applied_to, version = router, None  # a router that was kept has no new version
        if heir is not None:
            if heir.parents[0] != router:
                continue  # another router's merge took this one
            applied_to, version = heir.router, 1
        elif decision.action == "rewrite":
            version = changed[router].base + 1
        elif decision.action != "keep":
            continue  # another router's merge took the partner it asked for
        applied = {"status": "applied", "applied_to": applied_to, "applied_version": version}
        for number, gradient in enumerate(gradients):
            reason = decision.failure
            if number >= GRADIENTS_READ:
                reason = f"an update reads {GRADIENTS_READ} gradients of one router"
            rejected = {"status": "rejected", "rejected_because": reason, "applied_to": None}
            settled.append(gradient.model_copy(update=rejected if reason else applied))
    return settled
