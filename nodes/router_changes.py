"""What one router update changes, put together from its parts before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nodes.optimize_router import FEEDBACK_READ
from state.graphs.router_update import Feedback, RouterDecision, RouterUpdateState
from state.store.gradients import Settled
from state.store.routers import Router
from state.store.versions import Author


@dataclass(frozen=True, slots=True)
class RouterChange:
    """One router as the update leaves it."""

    router: int
    base: int
    """The version it starts from; 0 for a router that is founded now."""
    texts: tuple[tuple[str, Author], ...]
    """Its new texts, oldest first; none for a pinned router, which only takes attributes in."""
    attributes: tuple[str, ...]
    """`A_R`, newest first, bounded."""
    taken: tuple[str, ...]
    """What it took in at this update; a router that took nothing in sends nothing."""
    parents: tuple[int, ...]

    @property
    def version(self) -> int:
        """The version the router has afterwards."""
        return self.base + len(self.texts)


def plan_changes(
    state: RouterUpdateState,
    routers: Sequence[Router],
    phrases: Mapping[int, str],
    bound: int,
) -> list[RouterChange]:
    """Return the routers that change, by id: drafts first, then what they take in (Eq. 3)."""
    stored = {router.id: router for router in routers}
    drafts = {draft.router: draft for draft in state.get("drafts", [])}
    intakes = {intake.router: intake for intake in state.get("intakes", [])}
    summaries = {summary.router: summary.profile for summary in state.get("summaries", [])}
    changes = []
    for router in sorted(drafts.keys() | intakes.keys()):
        texts: list[tuple[str, Author]] = []
        if (draft := drafts.get(router)) is not None:
            base, held, parents = draft.base, draft.attributes, draft.parents
            texts.append((draft.profile, draft.author))
        else:
            base, parents = stored[router].version, ()
            held = tuple(phrases[a] for a in stored[router].attributes)
        taken = intakes[router].attributes if router in intakes else ()
        if router in summaries:
            texts.append((summaries[router], "summary"))
        attributes = tuple(dict.fromkeys((*taken, *held)))[:bound]
        changes.append(RouterChange(router, base, tuple(texts), attributes, taken, parents))
    return changes


def settle_feedback(state: RouterUpdateState, changes: Sequence[RouterChange]) -> list[Settled]:
    """Return what became of the gradients this update read, and of those it had no room for.

    Gradients of a router whose decision another change of structure overtook are left out: they
    wait for the next update, where the router or its heir answers for them.
    """
    heirs = {parent: change for change in reversed(changes) for parent in change.parents}
    rewritten = {change.router: change for change in changes}
    decisions = {decision.router: decision for decision in state.get("decisions", [])}
    settled = []
    for router, feedback in _by_router(state["feedback"]).items():
        decision, heir = decisions[router], heirs.get(router)
        if _overtaken(decision, heir):
            continue
        applied_to, version = router, None  # a router that was kept has no new version
        if heir is not None:
            applied_to, version = heir.router, 1
        elif decision.action == "rewrite":
            version = rewritten[router].base + 1
        for number, entry in enumerate(feedback):
            why = decision.failure
            if number >= FEEDBACK_READ:
                why = f"an update reads {FEEDBACK_READ} gradients of one router"
            settled.append(
                Settled(
                    interaction=entry.interaction,
                    named=entry.named,
                    applied_to=None if why else applied_to,
                    applied_version=None if why else version,
                    rejected_because=why,
                )
            )
    return settled


def _overtaken(decision: RouterDecision, heir: RouterChange | None) -> bool:
    """Return whether a router was taken into a merge, or did not get the partner it asked for."""
    if heir is None:
        return decision.action in ("split", "merge")
    return heir.parents[0] != decision.router


def _by_router(feedback: Sequence[Feedback]) -> dict[int, list[Feedback]]:
    """Group gradients by router, in the order in which its optimizer read them."""
    grouped: dict[int, list[Feedback]] = {}
    for entry in sorted(feedback, key=lambda f: (f.reward, f.interaction)):
        grouped.setdefault(entry.router, []).append(entry)
    return grouped
