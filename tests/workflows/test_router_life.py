"""The life of routers: splits and merges without end, few attributes, none left."""

import json

import pytest

from nodes.resources import Resources
from prompts.fields import read_fields
from prompts.gradient import CreditAssignment, GradientFields, ModuleFeedback
from prompts.offline.gradient import gradient
from prompts.optimize import OptimizeRouterFields
from state.domain import ModuleKind
from state.store.clients import read_attributes
from state.store.routers import Router, read_heirs, read_routers
from tests.support.database_rows import rows
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import Script, WatchedModel
from workflows.recnet import RecNet


def always(action: str) -> Script:
    """Return a script that blames every router, and decides so on each as often as it may."""

    def script(reply: str, text: str) -> str | None:
        if reply == "CreditAssignment":
            fields = read_fields(text, GradientFields)
            blames = [b for b in gradient(fields).gradients if not b.module.startswith("router")]
            routers = [m.name for m in fields.modules if m.kind is ModuleKind.ROUTER]
            blames += [
                ModuleFeedback(module=name, involved=True, suggestion="Say less.")
                for name in routers
            ]
            return CreditAssignment(gradients=blames).model_dump_json()
        if reply != "OptimizedRouter":
            return None
        router = read_fields(text, OptimizeRouterFields)
        partner = router.neighbours[0].name if router.neighbours else ""
        decided, texts = action, ["Liked here: one.", "Liked here: two."][: 1 + (action == "split")]
        if (action == "merge" and not partner) or (action == "split" and not router.attributes[1:]):
            decided, texts = "keep", []
        return json.dumps({"action": decided, "reason": "", "profiles": texts, "partner": partner})

    return script


async def live(recnet: RecNet, model: WatchedModel, action: str) -> tuple[int, list[Router]]:
    """Train the tiny network under one decision; return its id and the active routers."""
    network = await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"tau": -1.0, "echo": True})
    )
    model.script = always(action)
    report = await recnet.network("tiny").train()
    assert (report.run, report.failed) == (12, 0)
    async with recnet.resources.pool.connection() as conn:
        return network, await read_routers(conn, network)


@pytest.mark.slow
async def test_all_routers_may_merge_into_one_and_it_goes_on(
    recnet: RecNet, model: WatchedModel
) -> None:
    network, routers = await live(recnet, model, "merge")
    assert len(routers) == 1
    (last,) = await rows(recnet, "SELECT max(owner) AS router FROM messages")
    assert last["router"] == routers[0].id
    # Nobody's gradients are lost: those that wait name a router whose heir is the last one.
    async with recnet.resources.pool.connection() as conn:
        heirs = await read_heirs(conn, network)
    assert [number for number, found in heirs.items() if not found] == [routers[0].id]
    ranked = await recnet.network("tiny").recommend(user="ann", count=3)
    assert len(ranked["ranking"]) == 3


@pytest.mark.slow
async def test_routers_split_no_further_than_their_attributes_go(
    recnet: RecNet, model: WatchedModel
) -> None:
    network, routers = await live(recnet, model, "split")
    async with recnet.resources.pool.connection() as conn:
        held = await read_attributes(conn, network)
        heirs = await read_heirs(conn, network)
    attributes = {a for of in held.values() for a in of}
    assert NETWORK_SETTINGS.routers < len(routers) <= len(attributes) + NETWORK_SETTINGS.routers
    assert {a for router in routers for a in router.attributes} <= attributes
    assert all(len(found) in (0, 2) for found in heirs.values())


@pytest.mark.slow
async def test_a_lone_router_cannot_be_merged_and_is_told_so(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(
        recnet,
        network_settings=NETWORK_SETTINGS.model_copy(
            update={"routers": 1, "tau": -1.0, "echo": True}
        ),
    )
    asked: list[str] = []

    def script(reply: str, text: str) -> str | None:
        if reply != "OptimizedRouter":
            return always("merge")(reply, text)
        asked.append(text)
        return json.dumps(
            {"action": "merge", "reason": "", "profiles": ["One."], "partner": "router 2"}
        )

    model.script = script
    report = await recnet.network("tiny").train()
    assert (report.failed, report.routers, report.retired) == (0, 1, 0)
    assert asked
    settled = await rows(
        recnet,
        "SELECT rejected_because FROM gradients WHERE module = 'router' AND status = 'rejected'",
    )
    assert {row["rejected_because"].split(":")[0] for row in settled} == {"optimize_router"}
    assert any("cannot be merged" in row["rejected_because"] for row in settled)


async def test_there_are_as_many_routers_as_attributes_at_most(recnet: RecNet) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"routers": 1_000})
    network = await bootstrap_tiny(recnet, network_settings=network_settings)
    async with recnet.resources.pool.connection() as conn:
        attributes = await rows(recnet, "SELECT id FROM attributes")
        routers = await read_routers(conn, network)
    assert 3 < len(routers) <= len(attributes)
    report = await recnet.network("tiny").train(limit=4)
    assert report.failed == 0


@pytest.mark.slow
async def test_a_router_that_lost_all_it_spoke_for_takes_in_again(
    recnet: RecNet, resources: Resources
) -> None:
    network = await bootstrap_tiny(recnet)
    async with resources.pool.connection() as conn:
        routers = await read_routers(conn, network)
        await conn.execute("UPDATE client_vectors SET attributes = '{}'")
        await conn.execute("UPDATE routers SET attributes = '{}'")
    await recnet.network("tiny").train()
    async with resources.pool.connection() as conn:
        again = {router.id: router for router in await read_routers(conn, network)}
    assert any(again[router.id].attributes for router in routers if router.id in again)
