"""Restructure: what the optimizer decided, as changes, structure first."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.optimize_router import GRADIENTS_READ, optimize_router
from nodes.resources import Resources
from nodes.restructure_routers import restructure_routers
from prompts.fields import read_fields
from prompts.optimize import OptimizedRouter, OptimizeRouterFields
from state.domain import FilterDecision, Gradient, Module, Reception
from state.graphs.router_update import (
    OptimizeRouterTask,
    RouterChange,
    RouterDecision,
)
from state.store.interactions import Interaction, add_filter_decisions, write_interaction
from state.store.routers import read_routers, retire_router, write_router_attributes
from tests.support.scripted_model import replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, push, runtime

PROFILES = {"keep": (), "rewrite": ("New.",), "merge": ("Both.",), "split": ("Riffs.", "Fiddle.")}


def decided(router: int, action: str, partner: int | None = None) -> RouterDecision:
    return RouterDecision.model_validate(
        {
            "router": router,
            "base": 1,
            "action": action,
            "profiles": PROFILES[action],
            "partner": partner,
            "reason": "",
        }
    )


async def restructured(*decisions: RouterDecision) -> list[RouterChange]:
    update = await restructure_routers({"window": 1, "decisions": list(decisions)}, runtime())
    return update["restructured"]


def author(change: RouterChange) -> str:
    ((_, author),) = change.texts
    return author


async def hold(resources: Resources, attributes: dict[int, list[int]]) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        for router, held in attributes.items():
            await write_router_attributes(conn, network, router, held)


async def test_a_split_hands_each_attribute_to_the_nearer_child(resources: Resources) -> None:
    await hold(resources, {1: [3, 2]})
    decision = decided(1, "split").model_copy(update={"profiles": ("guitar riffs", "sea fiddle")})
    left, right = await restructured(decision)
    assert (left.router, left.attributes, left.parents) == (4, ("guitar riffs",), (1,))
    assert (right.router, right.attributes, right.parents) == (5, ("sea fiddle",), (1,))
    assert {author(left), author(right)} == {"split"}
    assert {left.base, right.base} == {0}


async def test_a_merge_unites_attributes_its_own_first(resources: Resources) -> None:
    await hold(resources, {1: [1, 3], 2: [2, 1]})
    (change,) = await restructured(decided(2, "merge", partner=1))
    assert (change.router, change.parents, author(change)) == (4, (2, 1), "merge")
    assert change.attributes == ("guitar riffs", "trumpet jazz", "sea fiddle")


async def test_a_rewrite_starts_from_the_stored_version(resources: Resources) -> None:
    await plant_tiny(resources)
    (change,) = await restructured(decided(1, "keep"), decided(3, "rewrite"))
    assert (change.router, change.base, author(change), change.parents) == (3, 1, "gradient", ())
    assert change.attributes == ("sea fiddle",)


async def test_the_decision_of_a_merged_router_is_dropped(
    resources: Resources,
) -> None:
    await plant_tiny(resources)
    for action in ("split", "rewrite", "keep"):
        changes = await restructured(decided(2, action), decided(1, "merge", partner=2))
        assert [(author(d), d.parents) for d in changes] == [("merge", (1, 2))]


async def test_of_merges_in_a_circle_the_first_is_made_and_never_all(resources: Resources) -> None:
    await plant_tiny(resources)
    circle = [decided(n, "merge", partner=n % 3 + 1) for n in (3, 2, 1)]
    assert [change.parents for change in await restructured(*circle)] == [(1, 2)]


async def test_numbers_of_retired_routers_do_not_come_back(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        await retire_router(conn, network, 3, 1)
    assert [change.router for change in await restructured(decided(1, "split"))] == [4, 5]


ACTIONS = st.tuples(st.sampled_from(sorted(PROFILES)), st.integers(1, 2))


@given(choices=st.tuples(ACTIONS, ACTIONS, ACTIONS), asked=st.sets(st.integers(1, 3), min_size=1))
async def test_any_decisions_leave_a_whole_network(
    resources: Resources, choices: tuple[tuple[str, int], ...], asked: set[int]
) -> None:
    async with resources.pool.connection() as conn:
        row = await (await conn.execute("SELECT 1 FROM networks")).fetchone()
    if row is None:
        await hold(resources, {1: [1, 2], 2: [2, 3], 3: [3]})
    held = {1: {"trumpet jazz", "guitar riffs"}, 2: {"guitar riffs", "sea fiddle"}}
    held[3] = {"sea fiddle"}
    changes = await restructured(
        *(
            decided(n, action, partner=(n - 1 + apart) % 3 + 1 if action == "merge" else None)
            for n, (action, apart) in enumerate(choices, start=1)
            if n in asked
        )
    )
    created = [change for change in changes if change.base == 0]
    retired = {parent for change in created for parent in change.parents}
    assert len({1, 2, 3} - retired) + len(created) >= 1
    assert [change.router for change in created] == list(range(4, 4 + len(created)))
    taken = Counter(parent for change in created for parent in change.parents)
    for parent, times in taken.items():
        authors = {author(change) for change in created if parent in change.parents}
        assert (authors, times) in (({"split"}, 2), ({"merge"}, 1))
    for change in changes:
        if author(change) == "gradient":
            assert change.router not in retired
    for parent in retired:
        heirs = [set(change.attributes) for change in created if parent in change.parents]
        assert held[parent] <= set.union(*heirs)


def reply(action: str, *profiles: str, partner: str = "") -> OptimizedRouter:
    return OptimizedRouter.model_validate(
        {"action": action, "reason": "", "profiles": profiles, "partner": partner}
    )


def task(count: int = 1) -> OptimizeRouterTask:
    gradients = [
        Gradient(
            interaction=f"i:{n:02}",
            module=Module.router(1),
            version=1,
            reward=n % 2,
            suggestion=f"Say n{n}.",
        )
        for n in range(count)
    ]
    return OptimizeRouterTask(step="window 1", router=1, gradients=gradients)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (reply("split", "one"), "action split needs 2 profiles"),
        (reply("keep", "one"), "action keep needs 0 profiles"),
        (reply("merge", "one", partner="router 1"), "unknown partner 'router 1'"),
        (reply("merge", "one", partner="router 9"), "known: router "),
    ],
)
async def test_a_decision_that_makes_no_sense_is_asked_for_again(
    resources: Resources, bad: OptimizedRouter, error: str
) -> None:
    await plant_tiny(resources)
    with replying(resources, bad, reply("merge", "Both.", partner="router 3")) as model:
        (decision,) = (await optimize_router(task(), runtime()))["decisions"]
    assert (decision.action, decision.partner, decision.base) == ("merge", 3, 1)
    assert error in model.asked[1][-1]
    with replying(resources, bad):
        (kept,) = (await optimize_router(task(), runtime()))["decisions"]
    assert (kept.action, kept.profiles, kept.base) == ("keep", (), 1)
    assert error in kept.failure


async def test_an_optimizer_reads_the_misses_first_and_no_more_than_fits(
    resources: Resources,
) -> None:
    await plant_tiny(resources)
    with replying(resources, reply("keep")) as model:
        await optimize_router(task(GRADIENTS_READ + 6), runtime())
    shown = model.shown()
    assert shown.count("<suggestion>") == GRADIENTS_READ
    misses = [f"n{n}." for n in range(0, GRADIENTS_READ + 6, 2)]
    assert all(miss in shown for miss in misses)
    assert shown.index("n20.") < shown.index("n1.")
    assert "<name>router 1</name>" not in shown


async def judged(
    resources: Resources, network: int, interaction: str, reward: int, **taken: bool
) -> None:
    """Settle an interaction of ann, whose messages of router 1 were accepted or not."""
    record = Interaction(
        id=interaction, user_id=1, positive_id=8, negative_id=11, predicted_id=8, reward=reward,
        reason="", failure="",
    )  # fmt: skip
    for taken_in in taken.values():
        message = await push(resources, network, 1, 1)
        decision = FilterDecision(
            message=message, sender=Module.router(1), version=1, accepted=taken_in
        )
        async with resources.pool.connection() as conn:
            await write_interaction(conn, network, record)
            received = Reception(client=1, profile="", filter_decisions=(decision,))
            await add_filter_decisions(conn, network, [received], interaction=interaction)


async def test_with_effects_an_optimizer_sees_the_outcomes_of_the_routers_messages(
    resources: Resources,
) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"router_evidence": "effects"})
    network = (await plant_tiny(resources, network_settings=network_settings)).id
    await judged(resources, network, "i:1", 1, first=True, second=True)
    await judged(resources, network, "i:2", 0, first=True, second=False)
    await judged(resources, network, "i:3", 0, first=False)
    async with resources.pool.connection() as conn:
        await write_router_attributes(conn, network, 1, [1, 3])
        own, *others = await read_routers(conn, network)
    with replying(resources, reply("keep")) as model:
        await optimize_router(task(), runtime())
    (effects,) = read_fields(model.shown(), OptimizeRouterFields).effects
    # Of the accepted messages two belong to a right prediction, one to a wrong one.
    assert (effects.taken_in, effects.kept_out, effects.reward) == (3, 2, "0.67")
    one, two = await resources.encoder.embed(["trumpet jazz", "sea fiddle"])
    centre = (one + two) / np.linalg.norm(one + two)
    assert effects.tightness == f"{(one @ centre + two @ centre) / 2:.2f}"
    assert effects.nearest == f"{max(float(o.embedding @ own.embedding) for o in others):.2f}"


async def test_without_a_message_or_a_neighbour_the_effects_say_so(resources: Resources) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"router_evidence": "effects"})
    network = (await plant_tiny(resources, network_settings=network_settings)).id
    async with resources.pool.connection() as conn:
        await retire_router(conn, network, 2, 1)
        await retire_router(conn, network, 3, 1)
    with replying(resources, reply("keep")) as model:
        await optimize_router(task(), runtime())
    (effects,) = read_fields(model.shown(), OptimizeRouterFields).effects
    assert (effects.taken_in, effects.kept_out) == (0, 0)
    assert (effects.reward, effects.tightness, effects.nearest) == ("", "1.00", "")


async def test_by_default_an_optimizer_reads_gradients_alone(resources: Resources) -> None:
    await plant_tiny(resources)
    with replying(resources, reply("keep")) as model:
        await optimize_router(task(), runtime())
    assert read_fields(model.shown(), OptimizeRouterFields).effects == ()
