"""Credit assignment: one textual gradient for each module that took part, and for no other."""

import pytest

from nodes.assign_credit import assign_credit
from nodes.forward import option_order
from nodes.resources import Resources
from prompts.gradient import CreditAssignment, ModuleFeedback
from prompts.llm.errors import ReplyError
from prompts.llm.tokens import READABLE
from state.domain import SUGGESTION_LENGTH, FilterDecision, Gradient, Message, Module, ModuleKind
from state.graphs.interaction import BackwardState
from state.store.routers import write_router
from state.store.versions import append_version
from tests.support.backward_state import after_forward
from tests.support.scripted_model import ScriptedModel, replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, push, runtime

STRAY = "the router did not take part in this interaction"


def reply(*modules: str) -> CreditAssignment:
    return CreditAssignment(
        gradients=[ModuleFeedback(module=m, involved=True, suggestion="Say more.") for m in modules]
    )


def names(model: ScriptedModel) -> list[str]:
    lines = model.shown().split("<modules>")[1].splitlines()
    return [line[6:-7] for line in lines if line.startswith("<name>")]


async def credited(state: BackwardState) -> dict[str, Gradient]:
    update = await assign_credit(state, runtime())
    gradients = {str(gradient.module): gradient for gradient in update["gradients"]}
    assert len(gradients) == len(update["gradients"])
    return gradients


async def test_every_module_that_took_part_is_named_and_answered(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    for router in (1, 3):
        await push(resources, network, router, 1)
    await push(resources, network, 1, 11)
    state = await after_forward()
    letter = "A" if option_order(NETWORK_SETTINGS.seed, "i:1") == (2, 1) else "B"
    with replying(resources, reply("user profile", "router 3", "filter memory of user")) as model:
        gradients = await credited(state)
    assert names(model) == [
        "user profile", "item profile A", "item profile B",
        "filter memory of user", f"filter memory of item {letter}", "router 1", "router 3",
    ]  # fmt: skip
    assert {name: (g.status, g.suggestion, g.version) for name, g in gradients.items()} == {
        "user_profile:1": ("pending", "Say more.", 1),
        "item_profile:8": ("not involved", "", 1),
        "item_profile:11": ("not involved", "", 1),
        "filter_memory:1": ("pending", "Say more.", 1),
        "filter_memory:11": ("not involved", "", 1),
        "router:1": ("not involved", "", 1),
        "router:3": ("pending", "Say more.", 1),
    }
    assert {g.interaction for g in gradients.values()} == {"i:1"}


async def test_one_call_a_module_asks_each_about_itself_alone(resources: Resources) -> None:
    network = (
        await plant_tiny(
            resources, network_settings=NETWORK_SETTINGS.model_copy(update={"credit": "module"})
        )
    ).id
    await push(resources, network, 1, 1)
    state = await after_forward()
    # Every reply also names a module that another call asks about, which must not count there.
    replies = [
        reply("user profile", "router 1"), reply("item profile A"), CreditAssignment(gradients=[]),
        reply("filter memory of user"), reply("router 2"),
    ]  # fmt: skip
    with replying(resources, *replies) as model:
        gradients = await credited(state)
    assert len(model.asked) == 5
    shown = [model.shown(n).split("<modules>")[1].count("<name>") for n in range(5)]
    assert shown == [1] * 5
    letter = option_order(NETWORK_SETTINGS.seed, "i:1")[0]
    assert {name: g.status for name, g in gradients.items()} == {
        "user_profile:1": "pending",
        f"item_profile:{state['clients'][letter].id}": "pending",
        f"item_profile:{state['clients'][3 - letter].id}": "not involved",
        "filter_memory:1": "pending",
        "router:1": "not involved",
        "router:2": "rejected",
    }
    assert gradients["router:2"].rejected_because == STRAY


async def test_a_call_that_gets_no_usable_reply_fails_the_record(resources: Resources) -> None:
    await plant_tiny(
        resources, network_settings=NETWORK_SETTINGS.model_copy(update={"credit": "module"})
    )
    with (
        replying(resources, reply("user profile"), reply("item A")),
        pytest.raises(ReplyError, match="unknown module"),
    ):
        await credited(await after_forward())


@pytest.mark.parametrize("reward", [0, 1])
async def test_credit_is_assigned_to_right_predictions_too(
    resources: Resources, reward: int
) -> None:
    await plant_tiny(resources)
    with replying(resources, reply("user profile")) as model:
        gradients = await credited(await after_forward(reward=reward))
    assert {gradient.reward for gradient in gradients.values()} == {reward}
    assert f"<reward>{reward}</reward>" in model.shown()


async def test_the_order_of_the_modules_does_not_tell_which_item_was_taken(
    resources: Resources,
) -> None:
    await plant_tiny(resources)
    ids = [next(f"i:{n}" for n in range(99) if option_order(0, f"i:{n}")[0] == at) for at in (1, 2)]
    seen = []
    for interaction in ids:
        with replying(resources, CreditAssignment(gradients=[])) as model:
            await credited(await after_forward(interaction))
        seen.append(names(model))
    assert seen[0] == seen[1] == ["user profile", "item profile A", "item profile B"]


async def test_a_router_that_met_two_clients_is_one_module_in_its_newest_version(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    (vector,) = await resources.encoder.embed(["Now bebop."])
    async with resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.ROUTER, owner=1)
        await append_version(conn, network, module, 2, "Now bebop.", "summary")
        await write_router(conn, network, 1, 2, [1], vector)
    await push(resources, network, 1, 8)
    with replying(resources, reply("router 1")) as model:
        gradients = await credited(await after_forward())
    assert gradients["router:1"].version == 2
    part = model.shown().split("<name>router 1</name>")[1]
    assert "Now bebop." in part
    assert "taken in by user; taken in by item" in part


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"filter_memory": False}, "filter_memory"),
        ({"optimize_filter_memory": False}, "filter_memory"),
        ({"optimize_routers": False}, "router"),
    ],
)
async def test_frozen_modules_get_no_gradient(
    resources: Resources, change: dict[str, bool], gone: str
) -> None:
    network = (
        await plant_tiny(resources, network_settings=NETWORK_SETTINGS.model_copy(update=change))
    ).id
    await push(resources, network, 1, 1)
    with replying(resources, reply("user profile")):
        kinds = {g.module.kind.value for g in (await credited(await after_forward())).values()}
    everything = {"user_profile", "item_profile", "filter_memory", "router"}
    assert kinds == everything - {gone}


async def test_a_router_that_did_not_take_part_is_rejected_and_kept(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    with replying(resources, reply("router 2", "router 1")):
        gradients = await credited(await after_forward())
    assert gradients["router:2"].rejected_because == STRAY
    assert gradients["router:1"].status == "pending"


@pytest.mark.parametrize("name", ["router 01", "router 0", "the user", "filter memory of user"])
async def test_a_module_that_does_not_exist_is_asked_for_again(
    resources: Resources, name: str
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 8)
    with replying(resources, reply("router 1", name), reply("router 1")) as model:
        gradients = await credited(await after_forward())
    assert gradients["router:1"].status == "pending"
    assert f"unknown module '{name}'; known: user profile, item profile A" in model.asked[1][-1]
    with replying(resources, reply(name)), pytest.raises(ReplyError, match="unknown module"):
        await credited(await after_forward())


async def test_the_first_entry_counts_and_an_empty_suggestion_is_none(
    resources: Resources,
) -> None:
    await plant_tiny(resources)
    entries = CreditAssignment(
        gradients=[
            ModuleFeedback(module="user profile", involved=True, suggestion="First."),
            ModuleFeedback(module="user profile", involved=True, suggestion="Second."),
            ModuleFeedback(module="item profile A", involved=True, suggestion=" "),
            ModuleFeedback(module="item profile B", involved=False, suggestion="Said anyway."),
        ]
    )
    with replying(resources, entries):
        gradients = await credited(await after_forward())
    assert gradients.pop("user_profile:1").suggestion == "First."
    assert [(g.status, g.suggestion) for g in gradients.values()] == [("not involved", "")] * 2


@pytest.mark.parametrize(("count", "cut"), [(3, False), (18, True)])
async def test_where_many_modules_took_part_their_texts_leave_room_for_the_reply(
    resources: Resources, count: int, cut: bool
) -> None:
    await plant_tiny(resources)
    state = await after_forward()
    said = "guitar riffs; " * 100
    messages = [
        Message(id=n, sender=Module.router(100 + n), version=1, body=said)
        for n in range(1, count + 1)
    ]
    filter_decisions = [
        FilterDecision(message=m.id, sender=m.sender, version=1, accepted=True) for m in messages
    ]
    user, received = state["clients"][0], state["receptions"][0]
    state["clients"][0] = user.model_copy(update={"messages": tuple(messages)})
    state["receptions"][0] = received.model_copy(
        update={"filter_decisions": tuple(filter_decisions)}
    )
    with replying(resources, CreditAssignment(gradients=[])) as model:
        await credited(state)
    assert ("…" in model.shown()) == cut
    assert "guitar riffs; guitar riffs" in model.shown()
    assert len(names(model)) == 4 + count
    assert len(model.shown()) + (4 + count) * SUGGESTION_LENGTH < READABLE
