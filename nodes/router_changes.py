"""Plan what one router update changes, before anything is written."""

from collections.abc import Mapping, Sequence

from nodes.optimize_router import GRADIENTS_READ, reading_order
from state.domain import Gradient, Module
from state.graphs.router_update import RouterChange, RouterDecision, RouterUpdateState
from state.store.routers import Router
from state.store.versions import Author


def plan_router_changes(
    state: RouterUpdateState,
    routers: Sequence[Router],
    phrases: Mapping[int, tuple[str, ...]],
    most: int,
) -> list[RouterChange]:
    """Return the routers that change, by id.

    First comes what the optimizer wrote, then the summary of new attributes (Eq. 3). A pinned
    router gets attributes and no text.

    Args:
        state: the update's.
        routers: the active ones, as stored.
        phrases: their attributes, by router.
        most: attributes a router holds at most.
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
    for router, gradients in _by_router(state["pending_gradients"]).items():
        decision, heir = decisions[router], heirs.get(router)
        if _overtaken(decision, heir):
            continue
        applied_to, version = router, None  # a router that was kept has no new version
        if heir is not None:
            applied_to, version = heir.router, 1
        elif decision.action == "rewrite":
            version = changed[router].base + 1
        applied = {"status": "applied", "applied_to": applied_to, "applied_version": version}
        for number, gradient in enumerate(gradients):
            reason = decision.failure
            if number >= GRADIENTS_READ:
                reason = f"an update reads {GRADIENTS_READ} gradients of one router"
            rejected = {"status": "rejected", "rejected_because": reason, "applied_to": None}
            settled.append(gradient.model_copy(update=rejected if reason else applied))
    return settled


def _overtaken(decision: RouterDecision, heir: RouterChange | None) -> bool:
    """Return whether another router's merge took this router, or the partner it asked for."""
    if heir is None:
        return decision.action in ("split", "merge")
    return heir.parents[0] != decision.router


def _by_router(gradients: Sequence[Gradient]) -> dict[int, list[Gradient]]:
    """Group gradients by the router that answers, in the order in which its optimizer read them."""
    grouped: dict[int, list[Gradient]] = {}
    for gradient in reading_order(gradients):
        grouped.setdefault(gradient.applied_to or gradient.module.owner, []).append(gradient)
    return grouped
