"""What a router update changes, put together before anything is written."""

import numpy as np
import pytest

from nodes.optimize_router import GRADIENTS_READ
from nodes.restructure_routers import plan_router_changes, settle_pending
from state.domain import Gradient, Module
from state.graphs.router_update import (
    AssignedAttributes,
    RouterChange,
    RouterDecision,
    RouterUpdateState,
    Summary,
)
from state.store.routers import Router
from state.store.versions import Author

PHRASES = {1: ("jazz",), 2: ("riffs",), 3: ("fiddle",)}


def stored(number: int, version: int = 4) -> Router:
    return Router(
        id=number, version=version, profile=f"P{number}", attributes=(number,),
        embedding=np.zeros(2, dtype=np.float32),
    )  # fmt: skip


def assigned(router: int, *attributes: str) -> AssignedAttributes:
    contributors = tuple((1,) for _ in attributes)
    return AssignedAttributes(router=router, attributes=attributes, contributors=contributors)


def restructured(router: int, author: Author, *parents: int, base: int = 0) -> RouterChange:
    return RouterChange(
        module=Module.router(router),
        base=base,
        texts=((f"D{router}", author),),
        attributes=("riffs",),
        parents=parents,
    )


def planned(state: RouterUpdateState, bound: int = 9) -> dict[int, RouterChange]:
    changes = plan_router_changes(state, [stored(1), stored(2), stored(3)], PHRASES, bound)
    assert [change.router for change in changes] == sorted(change.router for change in changes)
    return {change.router: change for change in changes}


def test_a_router_with_new_attributes_is_summarized_and_holds_the_newest_first() -> None:
    state: RouterUpdateState = {
        "restructured": [],
        "assigned": [assigned(1, "bebop", "swing", "jazz")],
        "summaries": [Summary(router=1, profile="S1")],
    }
    (change,) = planned(state).values()
    assert (change.texts, change.base, change.version) == ((("S1", "summary"),), 4, 5)
    assert change.attributes == ("bebop", "swing", "jazz")
    assert change.new_attributes == ("bebop", "swing", "jazz")


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_what_a_router_holds_is_bounded_and_the_oldest_goes(bound: int) -> None:
    state: RouterUpdateState = {
        "restructured": [],
        "assigned": [assigned(1, "bebop", "swing")],
        "summaries": [Summary(router=1, profile="S1")],
    }
    (change,) = planned(state, bound).values()
    assert change.attributes == ("bebop", "swing", "jazz")[:bound]
    assert change.new_attributes == ("bebop", "swing")  # Eq. 4 uses all new ones


def test_an_optimizer_writes_first_and_the_summary_on_top_of_it() -> None:
    state: RouterUpdateState = {
        "restructured": [restructured(2, "gradient", base=4), restructured(4, "merge", 1, 3)],
        "assigned": [assigned(2, "thrash"), assigned(4, "bebop")],
        "summaries": [Summary(router=2, profile="S2"), Summary(router=4, profile="S4")],
    }
    changes = planned(state)
    assert changes[2].texts == (("D2", "gradient"), ("S2", "summary"))
    assert changes[2].version == 6
    assert changes[4].texts == (("D4", "merge"), ("S4", "summary"))
    assert (changes[4].version, changes[4].parents) == (2, (1, 3))
    assert changes[4].attributes == ("bebop", "riffs")


def test_a_router_without_a_decision_or_attributes_does_not_change() -> None:
    state: RouterUpdateState = {"restructured": [restructured(2, "gradient", base=4)]}
    changes = planned(state)
    assert list(changes) == [2]
    assert (changes[2].new_attributes, changes[2].version) == ((), 5)


def gradient(
    router: int, number: int = 1, *, named: int | None = None, reward: int = 0
) -> Gradient:
    return Gradient(
        interaction=f"i:{number:03}",
        module=Module.router(named or router),
        version=1,
        reward=reward,
        suggestion="Say more.",
        applied_to=router,
    )


def decision(router: int, action: str, failure: str = "") -> RouterDecision:
    return RouterDecision.model_validate(
        {
            "failure": failure,
            "router": router,
            "base": 4,
            "action": action,
            "profiles": (),
            "partner": None,
            "reason": "",
        }
    )


def settled(state: RouterUpdateState) -> dict[tuple[str, int], tuple[int | None, int | None, str]]:
    state = {"assigned": [], **state}
    changes = plan_router_changes(state, [stored(1), stored(2), stored(3)], PHRASES, 9)
    return {
        (g.interaction, g.module.owner): (g.applied_to, g.applied_version, g.rejected_because)
        for g in settle_pending(state, changes)
    }


def test_a_gradient_is_settled_by_what_its_router_became() -> None:
    found = settled(
        {
            "restructured": [
                restructured(3, "gradient", base=4),
                restructured(4, "split", 1),
                restructured(5, "split", 1),
            ],
            "decisions": [decision(1, "split"), decision(2, "keep"), decision(3, "rewrite")],
            "pending_gradients": [gradient(1), gradient(2), gradient(3), gradient(3, 2, named=9)],
        }
    )
    assert found == {
        ("i:001", 1): (4, 1, ""),
        ("i:001", 2): (2, None, ""),
        ("i:001", 3): (3, 5, ""),
        ("i:002", 9): (3, 5, ""),  # it named a router that has retired
    }


@pytest.mark.parametrize("other", ["keep", "rewrite", "split", "merge"])
def test_gradients_of_a_merged_router_wait_for_its_heir(other: str) -> None:
    found = settled(
        {
            "restructured": [restructured(4, "merge", 1, 2)],
            "decisions": [decision(1, "merge"), decision(2, other)],
            "pending_gradients": [gradient(1), gradient(2)],
        }
    )
    assert found == {("i:001", 1): (4, 1, "")}


def test_gradients_of_a_router_whose_partner_was_gone_wait_with_it() -> None:
    found = settled(
        {
            "restructured": [restructured(4, "merge", 1, 2)],
            "decisions": [decision(1, "merge"), decision(3, "merge")],
            "pending_gradients": [gradient(1), gradient(3)],
        }
    )
    assert found == {("i:001", 1): (4, 1, "")}


def test_a_pinned_router_gets_attributes_and_keeps_its_text() -> None:
    state: RouterUpdateState = {
        "restructured": [],
        "assigned": [assigned(1, "bebop")],
        "decisions": [decision(1, "keep", failure="router 1 is pinned")],
        "pending_gradients": [gradient(1)],
    }
    (change,) = planned(state).values()
    assert (change.texts, change.version) == ((), 4)
    assert (change.attributes, change.new_attributes) == (("bebop", "jazz"), ("bebop",))
    assert settled(state) == {("i:001", 1): (None, None, "router 1 is pinned")}


def test_what_an_update_had_no_room_for_is_rejected_with_the_reason() -> None:
    many = [gradient(1, number, reward=number % 2) for number in range(GRADIENTS_READ + 4)]
    found = settled({"decisions": [decision(1, "keep")], "pending_gradients": many})
    rejected = sorted(name for (name, _), (_, _, why) in found.items() if why)
    # Misses are read first, so what is left out are the last hits.
    assert rejected == ["i:013", "i:015", "i:017", "i:019"]
    assert found["i:019", 1] == (None, None, "an update reads 16 gradients of one router")
