"""Reception: messages pass the filter memory into the profile, each with a decision."""

import asyncio

import pytest

from nodes.forward import merge_messages, merge_view, receptions_of
from nodes.resources import Resources
from prompts.llm.errors import ReplyError
from prompts.merge import Merge, MessageDecision
from state.domain import Client, Reception
from state.graphs.interaction import MergeTask
from state.store.clients import read_clients
from state.store.merged_views import find_view
from state.store.usage import sum_usage
from tests.support.scripted_model import replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, push, runtime


async def read(resources: Resources, network: int, client: int) -> Client:
    async with resources.pool.connection() as conn:
        (found,) = await read_clients(conn, network, [client])
    return found


async def merged(client: Client) -> Reception:
    update = await merge_messages(MergeTask(step="i:1", client=client), runtime())
    (reception,) = update["merged"]
    return reception


def decision(number: int, *, accepted: bool, rule: str = "") -> MessageDecision:
    return MessageDecision(message=f"message {number}", accepted=accepted, rule=rule, reason="so")


async def test_each_message_gets_a_decision_and_accepted_ones_change_the_profile(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    first, second = await push(resources, network, 3, 1), await push(resources, network, 1, 1)
    ann = await read(resources, network, 1)
    reply = Merge(
        profile="Enjoys CDs, lately jazz.",
        filter_decisions=[decision(2, accepted=False, rule="rule 2"), decision(1, accepted=True)],
    )
    with replying(resources, reply) as model:
        reception = await merged(ann)
    assert reception.profile == "Enjoys CDs, lately jazz."
    # By message: the older one is from router 3, and was kept out by ann's second rule.
    decisions = reception.filter_decisions
    assert [(d.message, d.sender.owner, d.accepted, d.rule) for d in decisions] == [
        (first, 3, False, ann.rules[1]),
        (second, 1, True, ""),
    ]
    newest, older = model.shown().index("trumpet jazz"), model.shown().index("sea fiddle")
    assert newest < older


async def test_a_profile_stays_word_for_word_where_everything_was_kept_out(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 2, 1)
    ann = await read(resources, network, 1)
    reply = Merge(profile="Rewritten all the same.", filter_decisions=[decision(1, accepted=False)])
    with replying(resources, reply):
        reception = await merged(ann)
    assert reception.profile == ann.profile
    assert [v.accepted for v in reception.filter_decisions] == [False]


@pytest.mark.parametrize("numbers", [(1,), (1, 1), (1, 2, 2), (1, 3)])
async def test_a_reply_without_one_decision_a_message_is_asked_for_again(
    resources: Resources, numbers: tuple[int, ...]
) -> None:
    network = (await plant_tiny(resources)).id
    for router in (1, 2):
        await push(resources, network, router, 1)
    ann = await read(resources, network, 1)
    bad = Merge(profile="p", filter_decisions=[decision(n, accepted=True) for n in numbers])
    good = Merge(profile="q", filter_decisions=[decision(n, accepted=True) for n in (1, 2)])
    with replying(resources, bad), pytest.raises(ReplyError, match="merge: no usable reply"):
        await merged(ann)
    with replying(resources, bad, good) as model:
        assert (await merged(ann)).profile == "q"
    request = model.asked[1][-1]
    assert "exactly one decision for each of: message 1, message 2" in request


async def test_an_accepted_message_cites_no_rule_and_an_unknown_rule_is_dropped(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    for router in (1, 2):
        await push(resources, network, router, 1)
    ann = await read(resources, network, 1)
    reply = Merge(
        profile="p",
        filter_decisions=[
            decision(1, accepted=True, rule="rule 1"),
            decision(2, accepted=False, rule="rule 77"),
        ],
    )
    with replying(resources, reply):
        assert [v.rule for v in (await merged(ann)).filter_decisions] == ["", ""]


async def test_without_filter_memory_a_merge_sees_no_rules(resources: Resources) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"filter_memory": False})
    network = (await plant_tiny(resources, network_settings=network_settings)).id
    await push(resources, network, 1, 1)
    ann = await read(resources, network, 1)
    reply = Merge(profile="p", filter_decisions=[decision(1, accepted=False, rule="rule 1")])
    with replying(resources, reply) as model:
        reception = await merged(ann)
    assert reception.filter_decisions[0].rule == ""
    assert not any(rule in model.shown() for rule in ann.rules)


async def test_a_view_costs_one_call_and_the_next_interaction_uses_it(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    ann = await read(resources, network, 1)
    for _ in range(2):
        update = await merge_view(MergeTask(step="recommend", client=ann), runtime())
        assert resources.budget.calls == 1
    (view,) = update["views"]
    assert await merged(ann) == view
    assert resources.budget.calls == 1
    assert await read(resources, network, 1) == ann  # reading changed nothing

    await push(resources, network, 3, 1)
    await merged(await read(resources, network, 1))
    assert resources.budget.calls == 2  # another buffer is another view


async def test_an_interaction_keeps_no_view_and_its_calls_are_counted_as_its_own(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    ann = await read(resources, network, 1)
    await merged(ann)
    async with resources.pool.connection() as conn:
        assert await find_view(conn, network, ann, "model") is None
        (total,) = await sum_usage(conn, network)
        assert (total.name, total.calls) == ("merge", 1)
        cursor = await conn.execute("SELECT step FROM usage WHERE network_id = %s", (network,))
        assert [row["step"] for row in await cursor.fetchall()] == ["i:1"]


async def test_without_messages_the_profile_is_as_it_was(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    clients = [await read(resources, network, client) for client in (1, 8, 11)]
    merged = Reception(client=8, profile="new")
    receptions = receptions_of(clients, [merged])
    assert [r.profile for r in receptions] == [clients[0].profile, "new", clients[2].profile]
    assert [r.client for r in receptions] == [1, 8, 11]


async def test_runs_that_meet_the_same_messages_at_once_pay_for_one_merge(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    ann = await read(resources, network, 1)
    reply = Merge(profile="Heard of more.", filter_decisions=[decision(1, accepted=True)])
    with replying(resources, reply) as model:
        found = await asyncio.gather(*(merged(ann) for _ in range(4)))
    assert len(model.asked) == 1
    assert {reception.profile for reception in found} == {"Heard of more."}
