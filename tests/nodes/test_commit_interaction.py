"""The commit of an interaction: everything at once, nothing twice, nothing lost."""

import numpy as np
import pytest

from nodes.client_locks import lock_clients, route_after_commit
from nodes.commit_interaction import commit_interaction
from nodes.optimize_clients import (
    fan_out_gradients,
    optimize_filter_memory,
    optimize_profile,
)
from nodes.resources import Resources
from prompts.optimize import OptimizedFilterMemory, OptimizedProfile
from state.domain import Module, Reception
from state.errors import ConflictError
from state.graphs.interaction import BackwardState, OptimizeTask
from state.store.buffers import consume_messages
from state.store.clients import point_filter, read_vectors
from state.store.digest import digest_network
from state.store.gradients import read_gradients
from state.store.interactions import (
    Interaction,
    add_filter_decisions,
    find_interaction,
    read_filter_decisions,
    write_interaction,
)
from state.store.merged_views import find_view, keep_view
from state.store.versions import append_version, join_rules, read_versions
from state.store.windows import close_window, read_pending
from tests.support.backward_state import (
    ITEM,
    MEMORY,
    ROUTER,
    USER,
    after_forward,
    gradient,
    move_profile,
    read_client,
    rewrite,
    sends_of,
)
from tests.support.scripted_model import replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, push, runtime


async def digest(resources: Resources, network: int) -> str:
    async with resources.pool.connection() as conn:
        return await digest_network(conn, network)


async def rewritten() -> BackwardState:
    """Return a record whose user got a message, with rewrites of profile, item and rules."""
    state = await after_forward()
    state["gradients"] = [gradient(m) for m in (USER, ITEM, MEMORY, ROUTER)]
    state["rewrites"] = [
        rewrite(state, USER, "Enjoys bebop."),
        rewrite(state, ITEM, "A bebop record."),
        rewrite(state, MEMORY, "Keep out noise."),
    ]
    return state


async def next_round(state: BackwardState, update: BackwardState) -> BackwardState:
    """Return the state with which a commit that met newer texts goes round again."""
    assert await route_after_commit({**state, **update}) == "lock_clients"
    state = {**state, **update}
    return {**state, **await lock_clients(state, runtime())}


async def test_all_that_a_record_changed_is_there_afterwards(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    message = await push(resources, network, 1, 1)
    ann = await read_client(resources, network, 1)
    state = await rewritten()
    async with resources.pool.connection() as conn:
        await keep_view(conn, network, ann, "model", state["receptions"][0])
    assert await commit_interaction(state, runtime()) == {"committed": True, "window": None}

    now = await read_client(resources, network, 1)
    assert (now.profile, now.profile_version) == ("Enjoys bebop.", 3)
    assert (now.rules, now.filter_version) == (("Keep out noise.",), 2)
    assert now.messages == ()
    async with resources.pool.connection() as conn:
        versions = await read_versions(conn, network, USER)
        assert [(v.author, v.interaction_id) for v in versions] == [
            ("bootstrap", None), ("reception", "i:1"), ("gradient", "i:1"),
        ]  # fmt: skip
        assert versions[1].content == f"{ann.profile} Heard of more."
        gradients = await read_gradients(conn, network, "i:1")
        assert {g.module.kind.value: (g.status, g.applied_version) for g in gradients} == {
            "user_profile": ("applied", 3),
            "item_profile": ("applied", 2),
            "filter_memory": ("applied", 2),
            "router": ("pending", None),
        }
        (decision,) = await read_filter_decisions(conn, network, "i:1")
        assert (decision.client_id, decision.message_id, decision.accepted) == (1, message, True)
        settled = await find_interaction(conn, network, "i:1")
        assert settled is not None
        assert (settled.predicted_id, settled.reward, settled.failure) == (11, 0, "")
        assert await read_pending(conn, network) == [1, 8, 11]
        assert await find_view(conn, network, ann, "model") is None
        # A stored embedding is that of the stored text, at unit length.
        stored = (await read_vectors(conn, network, now.kind))[0][1]
        (expected,) = await resources.encoder.embed(["Enjoys bebop."])
        assert np.array_equal(stored, expected)
        assert np.linalg.norm(stored) == pytest.approx(1, abs=1e-6)


async def test_what_did_not_change_gets_no_version(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    state = await after_forward()
    state["gradients"] = [gradient(USER), gradient(ITEM, "not involved")]
    state["rewrites"] = [rewrite(state, USER, state["receptions"][0].profile)]
    await commit_interaction(state, runtime())
    assert (await read_client(resources, network, 1)).profile_version == 1
    async with resources.pool.connection() as conn:
        stored = {g.module.kind.value: g for g in await read_gradients(conn, network, "i:1")}
    assert (stored["user_profile"].status, stored["user_profile"].applied_version) == ("applied", 1)
    assert stored["item_profile"].status == "not involved"


async def test_a_commit_that_was_made_is_not_made_again(resources: Resources) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"update_size": 3})
    network = (await plant_tiny(resources, network_settings=network_settings)).id
    await push(resources, network, 1, 1)
    state = await rewritten()
    assert await commit_interaction(state, runtime()) == {"committed": True, "window": 1}
    before = await digest(resources, network)
    # Stopped between this commit and its checkpoint, a run comes here again with its old state.
    again = await commit_interaction(state, runtime())
    assert (again["committed"], again["window"], again["reward"]) == (True, 1, 0)
    assert await digest(resources, network) == before
    async with resources.pool.connection() as conn:
        await close_window(conn, network, 1)
    again = await commit_interaction({**state, "reward": 1, "predicted": "j2"}, runtime())
    assert (again["window"], again["reward"], again["predicted"]) == (None, 0, "m1")
    assert resources.budget.calls == 0


async def test_a_commit_that_breaks_leaves_nothing(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    before = await digest(resources, network)

    async def power_cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("nodes.commit_interaction.join_window", power_cut)
    with pytest.raises(OSError, match="power cut"):
        await commit_interaction(await rewritten(), runtime())
    assert await digest(resources, network) == before


async def test_after_a_conflict_only_what_moved_is_rewritten_from_its_newer_text(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1, 8)
    state = await rewritten()
    await move_profile(resources, network, 8, "A record that somebody else described.")
    before = await digest(resources, network)
    update = await commit_interaction(state, runtime())
    assert await digest(resources, network) == before
    assert update == {"rounds": 1}

    state = await next_round(state, update)
    (send_again,) = sends_of(await fan_out_gradients(state))
    task: OptimizeTask = send_again.arg
    assert (send_again.node, task["gradient"].module) == ("optimize_profile", ITEM)
    assert task["text"] == "A record that somebody else described."
    with replying(resources, OptimizedProfile(profile="Described by both.")) as model:
        (again,) = (await optimize_profile(task, runtime()))["rewrites"]
    assert "A record that somebody else described." in model.shown()
    state["rewrites"] = [*state["rewrites"], again]
    assert await fan_out_gradients(state) == "commit_interaction"
    assert (await commit_interaction(state, runtime()))["committed"]

    user, item = await read_client(resources, network, 1), await read_client(resources, network, 8)
    assert (user.profile, user.profile_version) == ("Enjoys bebop.", 3)
    assert (item.profile, item.profile_version) == ("Described by both.", 3)
    async with resources.pool.connection() as conn:
        contents = [v.content for v in await read_versions(conn, network, ITEM)]
    assert contents[1] == "A record that somebody else described."
    # The user's message went into the profile; the item's waits for the next reception.
    assert (user.messages, len(item.messages)) == ((), 1)


async def test_a_message_is_consumed_once_also_where_nobody_changed_a_text(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    message = await push(resources, network, 1, 1)
    state = await rewritten()
    client, reception = state["clients"][0], state["receptions"][0]
    assert [v.message for v in reception.filter_decisions] == [message]
    # Another interaction read the same buffer, kept the message out and committed first.
    other = Interaction(
        id="other", user_id=1, positive_id=7, negative_id=11, predicted_id=7, reward=1,
        reason="", failure="",
    )  # fmt: skip
    kept_out = Reception(
        client=1,
        profile=client.profile,
        filter_decisions=tuple(
            v.model_copy(update={"accepted": False}) for v in reception.filter_decisions
        ),
    )
    async with resources.pool.connection() as conn:
        await write_interaction(conn, network, other)
        await add_filter_decisions(conn, network, [kept_out], interaction="other")
        await consume_messages(conn, network, 1, [message])
    state = await next_round(state, await commit_interaction(state, runtime()))
    assert state["receptions"][0] == Reception(client=1, profile=client.profile)
    (send_again,) = sends_of(await fan_out_gradients(state))
    assert send_again.arg["gradient"].module == USER


async def test_rules_that_moved_are_rewritten_alone(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    state = await rewritten()
    async with resources.pool.connection() as conn:
        await append_version(
            conn, network, MEMORY, 2, join_rules(("Newer rule.",)), "gradient", interaction="i:0"
        )
        await point_filter(conn, network, 1, 2)
    state = await next_round(state, await commit_interaction(state, runtime()))
    (send_again,) = sends_of(await fan_out_gradients(state))
    assert send_again.node == "optimize_filter_memory"
    with replying(resources, OptimizedFilterMemory(rules=["Newer rule.", "One more."])) as model:
        (again,) = (await optimize_filter_memory(send_again.arg, runtime()))["rewrites"]
    assert "Newer rule." in model.shown()
    state["rewrites"] = [*state["rewrites"], again]
    await commit_interaction(state, runtime())
    ann = await read_client(resources, network, 1)
    assert (ann.rules, ann.filter_version) == (("Newer rule.", "One more."), 3)
    assert ann.profile == "Enjoys bebop."


async def test_after_too_many_conflicts_the_commit_fails(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    state = await rewritten()
    for turn in range(5):
        await move_profile(resources, network, 8, f"Moved {turn}.")
        state = await next_round(state, await commit_interaction(state, runtime()))
        assert state["rounds"] == turn + 1
    await move_profile(resources, network, 8, "Moved again.")
    with pytest.raises(ConflictError, match="its clients changed 5 times while"):
        await commit_interaction(state, runtime())


async def test_gradients_go_to_the_optimizer_of_their_kind(resources: Resources) -> None:
    await plant_tiny(resources)
    state = await after_forward()
    state["gradients"] = [
        gradient(USER),
        gradient(ITEM, "not involved"),
        gradient(MEMORY),
        gradient(ROUTER),
        gradient(Module.router(9), "rejected"),
    ]
    sends = sends_of(await fan_out_gradients(state))
    assert [(send.node, send.arg["gradient"].module) for send in sends] == [
        ("optimize_profile", USER),
        ("optimize_filter_memory", MEMORY),
    ]
    assert sends[0].arg["text"] == state["receptions"][0].profile
    assert sends[1].arg["text"] == join_rules(state["clients"][0].rules)
    assert await fan_out_gradients({**state, "gradients": []}) == "commit_interaction"
