"""Gather: which gradients wait, and which active router answers for each."""

import pytest

from nodes.attributes import nearest
from nodes.optimize_router import fan_out_update, gather_gradients
from nodes.resources import Resources
from state.domain import Gradient, Module, ModuleKind
from state.errors import InputError
from state.graphs.router_update import RouterUpdateState
from state.store.gradients import add_gradients
from state.store.interactions import Interaction, write_interaction
from state.store.routers import retire_router, write_router
from state.store.versions import append_version
from state.store.windows import add_pending, claim_window
from state.vectors import Vector
from tests.support.backward_state import gradient, sends_of
from tests.support.tiny_network import plant_tiny, runtime


async def waiting(resources: Resources, named: dict[str, list[int]], suggestion: str) -> int:
    """Return a network with a claimed window and gradients of routers by interaction."""
    network = (await plant_tiny(resources)).id
    async with resources.pool.connection() as conn:
        for number, (interaction, routers) in enumerate(named.items()):
            record = Interaction(
                id=interaction, user_id=1, positive_id=8, negative_id=11, predicted_id=8,
                reward=number % 2, reason="", failure="",
            )  # fmt: skip
            await write_interaction(conn, network, record)
            gradients = [
                Gradient(
                    interaction=interaction,
                    module=Module.router(router),
                    version=1,
                    reward=number % 2,
                    suggestion=suggestion,
                )
                for router in routers
            ]
            await add_gradients(conn, network, gradients)
        await add_pending(conn, network, [1, 8, 11])
        await claim_window(conn, network, 3)
    return network


async def replace_router(
    resources: Resources, network: int, parents: list[int], heirs: dict[int, str]
) -> None:
    vectors = await resources.encoder.embed(list(heirs.values()))
    async with resources.pool.connection() as conn:
        for (heir, text), vector in zip(heirs.items(), vectors, strict=True):
            module = Module(kind=ModuleKind.ROUTER, owner=heir)
            await append_version(conn, network, module, 1, text, "merge")
            await write_router(conn, network, heir, 1, [], vector)
            for parent in parents:
                await retire_router(conn, network, parent, heir)


async def gathered(state: RouterUpdateState | None = None) -> RouterUpdateState:
    return await gather_gradients(state or {}, runtime())


async def test_pending_gradients_are_gathered_with_the_clients_of_the_window(
    resources: Resources,
) -> None:
    await waiting(resources, {"i:1": [2], "i:2": [1, 2]}, "Say riffs.")
    state = await gathered()
    assert (state["window"], state["members"]) == (1, [1, 8, 11])
    assert [(g.applied_to, g.interaction, g.reward) for g in state["pending_gradients"]] == [
        (1, "i:2", 1), (2, "i:1", 0), (2, "i:2", 1),
    ]  # fmt: skip
    assert resources.budget.calls == 0


async def test_after_a_merge_the_heir_answers_along_the_whole_chain(resources: Resources) -> None:
    network = await waiting(resources, {"i:1": [1], "i:2": [2]}, "Say riffs.")
    await replace_router(resources, network, [1, 2], {4: "jazz and riffs"})
    await replace_router(resources, network, [4, 3], {5: "everything"})
    state = await gathered()
    assert [(g.module.owner, g.applied_to) for g in state["pending_gradients"]] == [(1, 5), (2, 5)]


@pytest.mark.parametrize(
    ("suggestion", "child"), [("Say guitar riffs.", 4), ("Say harbour fiddle.", 5)]
)
async def test_after_a_split_the_nearer_child_answers(
    resources: Resources, suggestion: str, child: int
) -> None:
    network = await waiting(resources, {"i:1": [1]}, suggestion)
    await replace_router(resources, network, [1], {4: "guitar riffs", 5: "harbour fiddle"})
    (gathered_one,) = (await gathered())["pending_gradients"]
    assert (gathered_one.module.owner, gathered_one.applied_to) == (1, child)


async def test_a_chain_may_go_through_splits_and_merges(resources: Resources) -> None:
    network = await waiting(resources, {"i:1": [1]}, "Say old banjo.")
    await replace_router(resources, network, [1], {4: "guitar riffs", 5: "banjo songs"})
    await replace_router(resources, network, [5, 3], {6: "folk"})
    await replace_router(resources, network, [6], {7: "old banjo", 8: "harbour fiddle"})
    (gathered_one,) = (await gathered())["pending_gradients"]
    assert gathered_one.applied_to == 7


async def test_without_the_claimed_window_there_is_nothing_to_do(resources: Resources) -> None:
    await plant_tiny(resources)
    with pytest.raises(InputError, match="'tiny' has no claimed window"):
        await gathered()


async def test_another_window_than_the_open_one_is_refused(resources: Resources) -> None:
    await waiting(resources, {}, "")
    assert (await gathered({"window": 1}))["window"] == 1
    with pytest.raises(InputError, match="no claimed window"):
        await gathered({"window": 2})


async def test_routers_with_gradients_and_changed_clients_are_fanned_out() -> None:
    given = [
        gradient(Module.router(router), interaction=interaction)
        for router, interaction in ((2, "i:1"), (1, "i:1"), (2, "i:2"))
    ]
    state: RouterUpdateState = {"window": 3, "members": [1, 8], "propagation": "routers"}
    sends = sends_of(await fan_out_update({**state, "pending_gradients": given}))
    assert [(send.node, send.arg["step"]) for send in sends] == [
        ("optimize_router", "window 3"),
        ("optimize_router", "window 3"),
        ("extract_attributes", "window 3"),
        ("extract_attributes", "window 3"),
    ]
    assert [(s.arg["router"], len(s.arg["gradients"])) for s in sends[:2]] == [(1, 1), (2, 2)]
    assert [send.arg["client"] for send in sends[2:]] == [1, 8]


async def test_a_run_without_the_lease_ends() -> None:
    assert await fan_out_update({"window": 3}) == "__end__"


async def test_of_two_equally_near_routers_the_lower_number_is_nearest(
    resources: Resources,
) -> None:
    vectors: list[Vector] = list(await resources.encoder.embed(["polka", "yodel"]))
    assert nearest(vectors[0], {9: vectors[0], 4: vectors[0], 2: vectors[1]}) == 4
