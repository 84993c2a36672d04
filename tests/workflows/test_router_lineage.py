"""Lineage of routers: gradients that waited, and what the heirs of those that retired made."""

import pytest

from nodes.resources import Resources
from state.domain import Gradient, Module
from state.store.gradients import add_gradients, settle_gradients
from state.store.interactions import Interaction, write_interaction
from state.store.routers import retire_router, write_router
from state.store.versions import append_version
from tests.support.database_rows import rows, trace, trace_all
from tests.support.tiny_network import bootstrap_tiny, plant_tiny
from tests.support.watched_model import NEW_ROUTERS, WatchedModel, decide_routers
from workflows.recnet import RecNet
from workflows.trace import InteractionTrace, TracedGradient


@pytest.mark.slow
async def test_a_router_gradient_waits_and_is_applied_by_the_update(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").train(limit=7)
    traced = await trace(recnet, "tiny:12")
    waiting = routers_of(traced)
    assert {g.status for g in waiting.values()} == {"pending"}
    before = await router_texts(recnet)
    for name, gradient in waiting.items():
        assert gradient.after == ""
        assert gradient.before in before[name]
    await recnet.network("tiny").train(limit=1)
    (window,) = await rows(recnet, "SELECT max(id) AS id FROM windows")
    applied = routers_of(await trace(recnet, "tiny:12"))
    assert applied.keys() == waiting.keys()
    for name, gradient in applied.items():
        assert gradient.status == "applied"
        made = await rows(
            recnet,
            "SELECT content FROM module_versions WHERE module = 'router' AND owner = %s "
            "AND author = 'gradient' AND window_id = %s",
            int(name.removeprefix("router:")),
            window["id"],
        )
        assert [row["content"] for row in made] == [gradient.after]
        assert gradient.before == before[name][-1]


@pytest.mark.slow
@pytest.mark.parametrize("action", ["split", "merge"])
async def test_a_router_that_retired_tells_what_came_of_it(
    recnet: RecNet, model: WatchedModel, action: str
) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").train(limit=7)
    before = await router_texts(recnet)
    model.script = decide_routers(action)
    await recnet.network("tiny").train(limit=1)
    routers = routers_of(await trace(recnet, "tiny:12"))
    assert len(routers) == 2
    applied = {name: g for name, g in routers.items() if g.status == "applied"}
    # The one that was taken into a merge did not decide it: its gradient waits for the heir.
    assert len(applied) == (2 if action == "split" else 1)
    assert {g.status for g in routers.values()} <= {"applied", "pending"}
    for name, gradient in applied.items():
        assert gradient.after in (NEW_ROUTERS if action == "split" else NEW_ROUTERS[:1])
        assert gradient.before == before[name][-1]
        assert (gradient.after_version, gradient.applied_to) in ((1, 4), (1, 6))
    # A record before it was not touched by what this window did.
    for gradient in routers_of(await trace(recnet, "tiny:9")).values():
        assert (gradient.status, gradient.after) == ("not involved", "")
    await assert_the_network_goes_on(recnet, model)


@pytest.mark.slow
async def test_a_router_that_was_kept_is_not_an_earlier_updates_work(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").train(limit=8)
    (last,) = await rows(
        recnet,
        "SELECT author FROM module_versions WHERE module = 'router' AND owner = 2 "
        "ORDER BY version DESC LIMIT 1",
    )
    assert last["author"] == "gradient"
    model.script = decide_routers("keep")
    await recnet.network("tiny").train(limit=2)
    gradient = routers_of(await trace(recnet, "tiny:14"))["router:2"]
    assert (gradient.status, gradient.after) == ("applied", "")


async def test_what_an_heirs_heir_answers_starts_from_its_own_parent(
    recnet: RecNet, resources: Resources
) -> None:
    network = (await plant_tiny(resources)).id
    (vector,) = await resources.encoder.embed(["x"])
    gradient = Gradient(
        interaction=LIVE.id, module=Module.router(1), version=1, reward=0, suggestion="Say more."
    )
    async with resources.pool.connection() as conn:
        await write_interaction(conn, network, LIVE)
        await add_gradients(conn, network, [gradient])
        for number, text, parents in (
            (4, "Both.", (1, 2)),
            (5, "Left.", (4,)),
            (6, "Right.", (4,)),
        ):
            module = Module.router(number)
            await append_version(
                conn, network, module, 1, text, "merge" if number == 4 else "split"
            )
            await write_router(conn, network, number, 1, [], vector)
            for parent in parents:
                await retire_router(conn, network, parent, number)
        applied = {"status": "applied", "applied_to": 5, "applied_version": 1}
        settled = gradient.model_copy(update=applied)
        await settle_gradients(conn, network, [settled])
    (told,) = routers_of(await trace(recnet, "live")).values()
    assert (told.name, told.applied_to) == ("router:1", 5)
    assert (told.before, told.after) == ("Both.", "Left.")


LIVE = Interaction(
    id="live", user_id=1, positive_id=8, negative_id=11, predicted_id=8, reward=1, reason="",
    failure="",
)  # fmt: skip


async def assert_the_network_goes_on(recnet: RecNet, model: WatchedModel) -> None:
    """Train to the end: gradients for routers that retired go to their heirs."""
    model.script = decide_routers("keep")
    report = await recnet.network("tiny").train()
    assert (report.run, report.failed) == (4, 0)
    retired = await rows(recnet, "SELECT id FROM routers WHERE heirs <> '{}'")
    assert retired
    waiting = await rows(recnet, "SELECT 1 FROM gradients WHERE status = 'pending'")
    assert waiting == []
    gone = [row["id"] for row in retired]
    late = await rows(
        recnet,
        "SELECT applied_to FROM gradients WHERE module = 'router' AND status = 'applied' "
        "AND owner = ANY(%s)",
        gone,
    )
    assert late
    assert await trace_all(recnet)


def routers_of(traced: InteractionTrace) -> dict[str, TracedGradient]:
    return {g.name: g for g in traced.gradients if g.name.startswith("router")}


async def router_texts(recnet: RecNet) -> dict[str, list[str]]:
    """Return all texts of all routers, oldest first."""
    found = await rows(
        recnet,
        "SELECT owner, content FROM module_versions WHERE module = 'router' "
        "ORDER BY owner, version",
    )
    texts: dict[str, list[str]] = {}
    for row in found:
        texts.setdefault(f"router:{row['owner']}", []).append(row["content"])
    return texts
