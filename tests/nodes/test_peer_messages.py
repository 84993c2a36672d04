"""Messages from client to client: the recipients that are chosen, and what is written."""

import logging
from collections.abc import Sequence

import numpy as np
import pytest

from nodes.commit_router_update import commit_router_update
from nodes.optimize_router import fan_out_update, gather_gradients
from nodes.peer_messages import (
    address_clients,
    choose_recipients,
    fan_out_choices,
    fan_out_matches,
    match_clients,
    write_message,
)
from nodes.resources import Resources
from prompts.peer_messages import AddressClients, ChooseRecipients, WriteMessage
from prompts.template import Reply
from state.domain import MESSAGE_LENGTH, Client, Module, ModuleKind
from state.graphs.router_update import PeerMessage, PeerTask, RouterUpdateState
from state.settings import Propagation
from state.store.clients import point_profile, read_clients
from state.store.versions import append_version
from state.store.windows import add_pending, claim_window
from tests.support.backward_state import sends_of
from tests.support.scripted_model import ScriptedModel, replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, runtime

CLIENTS = range(1, 19)
NEAREST = 3


async def matched(
    resources: Resources, method: Propagation, members: Sequence[int] = (1,)
) -> tuple[int, RouterUpdateState]:
    """Return a network and its update after embedding matching."""
    network_settings = NETWORK_SETTINGS.model_copy(
        update={"propagation": method, "neighbours": NEAREST}
    )
    network = (await plant_tiny(resources, network_settings=network_settings)).id
    async with resources.pool.connection() as conn:
        await add_pending(conn, network, members)
        assert await claim_window(conn, network, 1) == 1
    state = await gather_gradients({"window": 1}, runtime())
    (send,) = sends_of(await fan_out_update(state))
    assert send.node == "match_clients"
    state |= await match_clients(send.arg, runtime())
    return network, state


async def everybody(resources: Resources, network: int) -> list[Client]:
    async with resources.pool.connection() as conn:
        return await read_clients(conn, network, CLIENTS)


async def sent(resources: Resources, network: int, state: RouterUpdateState) -> dict[int, str]:
    """Commit the update, and return what waits in the buffers: by client, the body."""
    await commit_router_update(state, runtime())
    return {
        client.id: message.body
        for client in await everybody(resources, network)
        for message in client.messages
    }


async def test_the_nearest_clients_are_sent_the_whole_profile(resources: Resources) -> None:
    """Who they are is reckoned apart: cosines of the texts, in numpy."""
    network, state = await matched(resources, "em", members=(1, 4, 11))
    (send,) = await fan_out_matches(state)
    assert send.node == "commit_router_update"
    clients = await everybody(resources, network)
    vectors = await resources.encoder.embed([client.profile for client in clients])
    cosines = np.asarray(vectors, dtype=np.float64) @ np.asarray(vectors, dtype=np.float64).T
    expected: dict[int, set[int]] = {}
    for sender in (1, 4, 11):
        # Stored in single precision: what is equal to six digits is a tie, and goes by id.
        order = sorted(
            (-round(cosines[sender - 1, other - 1], 6), other)
            for other in CLIENTS
            if other != sender
        )
        for _, other in order[:NEAREST]:
            expected.setdefault(other, set()).add(sender)
    assert await commit_router_update(state, runtime()) == {"recipients": len(expected)}
    by_id = {client.id: client for client in clients}
    found = {c.id: c.messages for c in await everybody(resources, network) if c.messages}
    assert {client: {m.sender.owner for m in ms} for client, ms in found.items()} == expected
    for messages in found.values():
        for message in messages:
            speaker = by_id[message.sender.owner]
            assert message.sender.kind is ModuleKind.profile_of(speaker.kind)
            assert (message.version, message.body) == (speaker.profile_version, speaker.profile)


async def test_equally_near_clients_go_by_id(resources: Resources) -> None:
    network, state = await matched(resources, "em")
    async with resources.pool.connection() as conn:
        for client in CLIENTS:
            await point_profile(conn, network, client, 1, np.array([1, 0], dtype=np.float32))
        state |= await match_clients(state, runtime())
    (match,) = state["peer_messages"]
    assert [near.client for near in match.recipients] == [2, 3, 4]


async def asked(model: ScriptedModel, request: int = 0) -> list[str]:
    """Return the names of the candidates that a request showed."""
    lines = model.shown(request).splitlines()
    return [line[6:-7] for line in lines if line.startswith("<name>")]


async def test_an_update_that_begins_again_makes_each_choice_once(resources: Resources) -> None:
    _, state = await matched(resources, "em+lr", members=(1, 2))
    once = await fan_out_matches(state)
    state["peer_messages"] = [*state["peer_messages"], *state["peer_messages"]]
    assert await fan_out_matches(state) == once


async def test_a_model_chooses_among_three_times_as_many(resources: Resources) -> None:
    network, state = await matched(resources, "em+lr")
    (send,) = await fan_out_matches(state)
    assert send.node == "choose_recipients"
    with replying(
        resources, ChooseRecipients(reason="so", recipients=["client 2", "client 9"])
    ) as model:
        state |= await choose_recipients(send.arg, runtime())
    assert await asked(model) == [f"client {n}" for n in range(1, 3 * NEAREST + 1)]
    assert "<most>3</most>" in model.shown()
    (onward,) = await fan_out_choices(state)
    assert onward.node == "commit_router_update"
    (choice,) = state["peer_messages"]
    (ann,) = (c for c in await everybody(resources, network) if c.id == 1)
    bodies = await sent(resources, network, state)
    assert bodies == dict.fromkeys([near.client for near in choice.recipients], ann.profile)
    assert len(bodies) == 2


async def test_the_message_is_written_in_one_more_call(resources: Resources) -> None:
    network, state = await matched(resources, "em+lr+ls", members=(1, 2))
    choices = []
    for send, names in zip(await fan_out_matches(state), (["client 4"], []), strict=True):
        with replying(resources, ChooseRecipients(reason="so", recipients=names)):
            choices += (await choose_recipients(send.arg, runtime()))["peer_messages"]
    state["peer_messages"] = choices
    (send,) = await fan_out_choices(state)  # the second one sends nothing
    assert send.node == "write_message"
    long = "Liked\x00 here: " + "jazz; " * 1_000
    with replying(resources, WriteMessage(message=long)) as model:
        state["peer_messages"] = (
            choices + (await write_message(send.arg, runtime()))["peer_messages"]
        )
    assert await asked(model) == ["client 1"]
    bodies = await sent(resources, network, state)
    assert list(bodies) == [near.client for near in choices[0].recipients]
    (body,) = bodies.values()
    # The model's own text is cleaned and bounded.
    assert body.startswith("Liked  here: jazz;")
    assert len(body) <= MESSAGE_LENGTH


async def test_one_call_chooses_and_writes(resources: Resources) -> None:
    network, state = await matched(resources, "clients")
    (send,) = await fan_out_matches(state)
    assert send.node == "address_clients"
    reply = AddressClients(message="Liked here: jazz.", recipients=["client 1", "client 1"])
    with replying(resources, reply):
        state |= await address_clients(send.arg, runtime())
    bodies = await sent(resources, network, state)
    assert list(bodies.values()) == ["Liked here: jazz."]


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("em+lr", ChooseRecipients(reason="so", recipients=["client 10"])),
        ("em+lr", ChooseRecipients(reason="so", recipients=["client 1", "Ann", "client 2"])),
        ("em+lr", ChooseRecipients(reason="so", recipients=[f"client {n}" for n in range(1, 5)])),
        ("clients", AddressClients(message="", recipients=["client 1"])),
        ("clients", AddressClients(message="Jazz.", recipients=["client 0"])),
    ],
)
async def test_a_reply_that_stays_bad_lets_the_client_send_nothing(
    resources: Resources, method: Propagation, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    network, state = await matched(resources, method)
    (send,) = await fan_out_matches(state)
    node = choose_recipients if method == "em+lr" else address_clients
    with replying(resources, reply) as model, caplog.at_level(logging.WARNING):
        state |= await node(send.arg, runtime())
    assert len(model.asked) == 3
    assert "client 1 sends no message" in caplog.text
    assert await sent(resources, network, state) == {}


async def test_a_message_that_is_not_written_is_not_sent(
    resources: Resources, caplog: pytest.LogCaptureFixture
) -> None:
    network, state = await matched(resources, "em+lr+ls")
    (match,) = state["peer_messages"]
    state["peer_messages"] = [match.model_copy(update={"recipients": match.recipients[:1]})]
    (send,) = await fan_out_choices(state)
    with (
        replying(resources, ChooseRecipients(reason="", recipients=[])),
        caplog.at_level(logging.WARNING),
    ):
        state["peer_messages"] += (await write_message(send.arg, runtime()))["peer_messages"]
    assert "sends no message" in caplog.text
    assert await sent(resources, network, state) == {}


async def test_a_client_is_asked_about_as_it_was_matched(resources: Resources) -> None:
    """It is that version which is sent, also where the client has moved on meanwhile."""
    network, state = await matched(resources, "em+lr")
    (vector,) = await resources.encoder.embed(["Now polka."])
    async with resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.USER_PROFILE, owner=1)
        await append_version(conn, network, module, 2, "Now polka.", "edit")
        await point_profile(conn, network, 1, 2, vector)
    (send,) = await fan_out_matches(state)
    with replying(resources, ChooseRecipients(reason="so", recipients=["client 1"])) as model:
        state |= await choose_recipients(send.arg, runtime())
    assert "polka" not in model.shown()
    (body,) = (await sent(resources, network, state)).values()
    assert "polka" not in body


async def test_a_sender_has_one_message_in_a_buffer(resources: Resources) -> None:
    network, state = await matched(resources, "em")
    recipient = state["peer_messages"][0].recipients[0].client
    await commit_router_update(state, runtime())
    async with resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.USER_PROFILE, owner=1)
        await append_version(conn, network, module, 2, "Another text.", "edit")
        await add_pending(conn, network, [1])
        assert await claim_window(conn, network, 1) == 2
    recipients = state["peer_messages"][0].recipients
    again = PeerMessage(sender=module, version=2, recipients=recipients)
    await commit_router_update({**state, "window": 2, "peer_messages": [again]}, runtime())
    (client,) = (c for c in await everybody(resources, network) if c.id == recipient)
    assert [(m.version, m.body) for m in client.messages] == [(2, "Another text.")]


async def test_candidates_come_in_an_order_that_says_nothing(resources: Resources) -> None:
    _, state = await matched(resources, "em+lr", members=(1, 2, 3))
    orders = []
    for match in state["peer_messages"]:
        with replying(resources, ChooseRecipients(reason="so", recipients=["client 1"])):
            update = await choose_recipients(PeerTask(step="window 1", message=match), runtime())
        (first,) = (near.client for near in update["peer_messages"][0].recipients)
        orders.append([near.client for near in match.recipients].index(first))
    assert orders != [0, 0, 0]
