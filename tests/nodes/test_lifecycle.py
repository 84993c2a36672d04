"""Opening and failing: a record is settled once, and a failed one keeps its place."""

import pytest
from langgraph.errors import ParentCommand

from nodes.commit_interaction import commit_interaction
from nodes.lifecycle import fails_record, open_interaction, record_failure, route_after_open
from nodes.resources import Resources
from prompts.llm.errors import BudgetExceeded, ReplyError
from state.errors import InputError, NetworkError
from state.graphs.interaction import InteractionState
from state.store.digest import digest_network
from state.store.interactions import find_interaction
from state.store.windows import close_window, read_pending
from tests.support.backward_state import after_forward
from tests.support.tiny_network import (
    NETWORK_SETTINGS,
    load_tiny,
    plant_tiny,
    runtime,
)
from workflows.recnet import RecNet

RECORD = InteractionState(user="ann", positive="j2", negative="m1", interaction="i:1")
REASON = "predict: no usable reply: the reply is empty"
FAILED: InteractionState = {**RECORD, "failure": REASON}


async def test_a_new_record_goes_forward_under_its_own_identity(resources: Resources) -> None:
    await plant_tiny(resources)
    out = await open_interaction({**RECORD, "interaction": " i:\x001 "}, runtime())
    assert (out["interaction"], out["repeated"]) == ("i: 1", False)
    assert await route_after_open({**RECORD, **out}) == "forward"
    without: InteractionState = {"user": "ann", "positive": "j2", "negative": "m1"}
    generated = {(await open_interaction(without, runtime()))["interaction"] for _ in range(2)}
    assert len(generated) == 2
    assert all(identity.startswith("live:") for identity in generated)


async def test_a_settled_record_returns_what_was_committed(resources: Resources) -> None:
    await plant_tiny(resources)
    await commit_interaction(await after_forward(), runtime())
    out = await open_interaction(RECORD, runtime())
    assert await route_after_open({**RECORD, **out}) == "__end__"
    assert (out["predicted"], out["reward"], out["reason"]) == ("m1", 0, "It seemed so.")


async def test_an_invalid_record_is_refused(resources: Resources) -> None:
    await plant_tiny(resources)
    await commit_interaction(await after_forward(), runtime())
    with pytest.raises(InputError, match="'i:1' was another record"):
        await open_interaction({**RECORD, "negative": "m2"}, runtime())
    with pytest.raises(InputError, match="'j2' cannot be both"):
        await open_interaction({**RECORD, "negative": "j2"}, runtime())
    with pytest.raises(InputError, match="unknown user 'zoe'"):
        await open_interaction({**RECORD, "user": "zoe"}, runtime())


async def test_a_network_without_routers_is_refused_before_any_call(recnet: RecNet) -> None:
    await load_tiny(recnet)
    with pytest.raises(NetworkError, match="recnet bootstrap"):
        await open_interaction(RECORD, runtime())
    with pytest.raises(NetworkError, match="no network 'other'"):
        await open_interaction(RECORD, runtime("other"))


async def test_a_failure_is_stored_with_its_reason_and_its_clients_join_the_pending_set(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    assert await record_failure(FAILED, runtime()) == {"window": None}
    async with resources.pool.connection() as conn:
        settled = await find_interaction(conn, network, "i:1")
        assert settled is not None
        assert (settled.failure, settled.reward, settled.predicted_id) == (REASON, None, None)
        assert await read_pending(conn, network) == [1, 8, 11]
    assert not (await open_interaction(RECORD, runtime()))["repeated"]  # it may be tried again


async def test_a_failure_joins_the_pending_set_once(resources: Resources) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"update_size": 3})
    network = (await plant_tiny(resources, network_settings=network_settings)).id
    assert await record_failure(FAILED, runtime()) == {"window": 1}
    async with resources.pool.connection() as conn:
        before = await digest_network(conn, network)
        # Stopped right after its commit, or failed once more while the window is open.
        assert await record_failure(FAILED, runtime()) == {"window": 1}
        assert await digest_network(conn, network) == before
        await close_window(conn, network, 1)
        assert await record_failure(FAILED, runtime()) == {"window": None}
        assert await read_pending(conn, network) == []


async def test_a_failed_record_is_learned_from_when_it_works(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    await record_failure(FAILED, runtime())
    assert (await commit_interaction(await after_forward(reward=1), runtime()))["committed"]
    async with resources.pool.connection() as conn:
        settled = await find_interaction(conn, network, "i:1")
    assert settled is not None
    assert (settled.failure, settled.reward) == ("", 1)


async def test_a_reply_that_stays_bad_fails_the_record_with_its_reason() -> None:
    async def node() -> None:
        raise ReplyError("predict", "the reply is empty")

    with pytest.raises(ParentCommand) as raised:
        await fails_record(node)()
    assert raised.value.args[0].update == {"failure": REASON}


async def test_other_errors_stop_the_run() -> None:
    async def node() -> None:
        raise BudgetExceeded("the budget is spent")

    with pytest.raises(BudgetExceeded):
        await fails_record(node)()
