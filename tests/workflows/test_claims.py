"""Windows that a live run left open: who finishes them, and who leaves them alone."""

from collections.abc import AsyncIterator

import pytest

from nodes.claims import leave_window, take_window
from nodes.resources import Resources
from nodes.step import Step
from state.errors import NetworkError
from state.presence import Presence, is_present
from state.settings import Settings
from state.store.windows import Window, hold_window, open_window
from tests.workflows.looking import calls, pending, rows
from tests.workflows.watched import PowerCutError, WatchedModel, cut_once
from tests.worlds import SHAPE, found
from workflows.recnet import RecNet
from workflows.training import train

RECORDS = (("ann", "j2"), ("bob", "j3"))
"""Two live records whose clients fill the pending set."""


@pytest.fixture
async def neighbour(settings: Settings) -> AsyncIterator[Presence]:
    """Show the sign of another process that lives."""
    assert settings.database_url is not None
    presence = Presence(settings.database_url.get_secret_value())
    yield presence
    await presence.close()


async def fill(recnet: RecNet) -> None:
    for user, positive in RECORDS:
        await recnet.interact(
            "tiny", user=user, positive=positive, negative="m1", interaction_id=f"live {user}"
        )


async def break_off(recnet: RecNet, model: WatchedModel) -> int:
    """Run until the second record's router update breaks off; return the network's id."""
    network = await found(recnet)
    model.script = cut_once("Extract")
    with pytest.raises(PowerCutError):
        await fill(recnet)
    assert await at(recnet, network) is not None
    return network


async def at(recnet: RecNet, network: int) -> Window | None:
    async with recnet.resources.pool.connection() as conn:
        return await open_window(conn, network)


async def hold(recnet: RecNet, network: int, sign: int) -> None:
    async with recnet.resources.pool.connection() as conn:
        await hold_window(conn, network, sign, "elsewhere")


async def test_the_next_live_record_finishes_what_a_failed_run_left(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await break_off(recnet, model)
    left = await at(recnet, network)
    assert left is not None
    assert left.holder is None
    out = await recnet.interact(
        "tiny", user="cid", positive="m2", negative="j1", interaction_id="next"
    )
    assert out["window"] == left.id
    assert await at(recnet, network) is None
    # The record that took the update over is not the one that filled the set.
    claims = await rows(recnet, "SELECT id FROM interactions WHERE window_id = %s", left.id)
    assert [row["id"] for row in claims] == ["live bob"]


async def test_a_process_that_is_gone_holds_nothing(
    recnet: RecNet, model: WatchedModel, neighbour: Presence
) -> None:
    network = await break_off(recnet, model)
    await hold(recnet, network, await neighbour.sign())
    out = await recnet.interact("tiny", user="cid", positive="m2", negative="j1")
    assert out["window"] is None
    await neighbour.close()
    out = await recnet.interact("tiny", user="eve", positive="f2", negative="j1")
    assert out["window"] == 1
    assert await at(recnet, network) is None


async def test_while_another_process_is_at_the_update_the_set_goes_on_filling(
    recnet: RecNet, model: WatchedModel, neighbour: Presence
) -> None:
    network = await break_off(recnet, model)
    await hold(recnet, network, await neighbour.sign())
    for user, positive in (("cid", "m2"), ("eve", "f2"), ("dot", "m3")):
        out = await recnet.interact("tiny", user=user, positive=positive, negative="j1")
        assert out["window"] is None
    assert len(await pending(recnet, network)) > SHAPE.update_size
    assert not await recnet.update_routers("tiny")
    with pytest.raises(NetworkError, match="another process is at a router update"):
        await train(recnet, "tiny")
    await neighbour.close()
    assert await recnet.update_routers("tiny")
    assert not await recnet.update_routers("tiny")
    # The next commit claims all that has waited.
    waited = await pending(recnet, network)
    out = await recnet.interact("tiny", user="fay", positive="f3", negative="j1")
    assert out["window"] == 2
    (window,) = await rows(recnet, "SELECT members, done FROM windows WHERE id = 2")
    assert waited <= set(window["members"])
    assert window["done"]
    assert await pending(recnet, network) == set()


async def test_a_window_that_was_taken_over_goes_on_where_it_was(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await found(recnet)
    model.script = cut_once("Summarize")
    with pytest.raises(PowerCutError):
        await fill(recnet)
    before = await calls(recnet, network, "window 1")
    assert await recnet.update_routers("tiny")
    after = await calls(recnet, network, "window 1")
    assert after["extract"] == before["extract"] == SHAPE.update_size
    assert await at(recnet, network) is None


async def test_only_one_of_two_takes_a_window_over(recnet: RecNet, model: WatchedModel) -> None:
    network = await break_off(recnet, model)
    step = Step(await recnet.network("tiny"), "one")
    async with step.commit() as conn:
        taken = await take_window(conn, network, "one")
    async with step.commit() as conn:
        assert await take_window(conn, network, "two") is None
    assert taken is not None
    held = await at(recnet, network)
    assert held is not None
    assert held.runner == "one"
    await leave_window(network, "two")  # it is not this run's
    async with step.commit() as conn:
        assert await take_window(conn, network) is None
    await leave_window(network, "one")
    async with step.commit() as conn:
        assert await take_window(conn, network) is not None


async def test_a_sign_ends_with_its_connection(resources: Resources, neighbour: Presence) -> None:
    sign = await neighbour.sign()
    assert await neighbour.sign() == sign
    async with resources.pool.connection() as conn:
        assert await is_present(conn, sign)
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND objsubid = 1 "
            "AND (classid::bigint << 32 | objid::bigint) = %s",
            (sign,),
        )
        assert not await is_present(conn, sign)
        assert await neighbour.sign() != sign
