"""Failed interactions, run again: each counts once."""

import asyncio
from typing import Any

import pytest

from nodes.resources import Resources
from state.errors import InputError, NetworkError
from state.store.interactions import find_interaction, list_interactions
from tests.support.database_rows import pending_set, rows
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import BAD, WatchedModel
from workflows.network_lock import network_lock
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow


async def fail_some(recnet: RecNet, model: WatchedModel) -> int:
    """Train the tiny network with the first two predictions failing; return its id."""
    network = await bootstrap_tiny(recnet)
    left = 6  # two records, three tries each

    def script(reply: str, text: str) -> str | None:  # noqa: ARG001
        nonlocal left
        if reply != "Predict" or not left:
            return None
        left -= 1
        return BAD

    model.script = script
    report = await recnet.network("tiny").train(fit="train", concurrency=1)
    assert (report.run, report.failed) == (6, 2)
    return network


async def test_what_failed_is_learned_by_one_call_and_counts_once(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await fail_some(recnet, model)
    told: list[int] = []
    report = await recnet.network("tiny").retry(started=lambda total: lambda: told.append(total))
    assert (report.run, report.learned, report.failed) == (2, 2, {})
    assert told == [2, 2]
    async with recnet.resources.pool.connection() as conn:
        settled = await list_interactions(conn, network)
    assert len(settled) == 6
    assert all(one.failure == "" and one.reward is not None for one in settled)
    after = await recnet.network("tiny").train(fit="train")
    assert (after.run, after.failed, after.records) == (0, 0, 6)
    digest = await recnet.network("tiny").digest()
    again = await recnet.network("tiny").retry()
    assert (again.run, again.learned) == (0, 0)
    assert await recnet.network("tiny").digest() == digest


async def test_one_that_fails_again_stays_failed_and_takes_no_second_place(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await fail_some(recnet, model)
    waiting = await pending_set(recnet, network)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    digest = await recnet.network("tiny").digest()
    report = await recnet.network("tiny").retry()
    assert (report.run, report.learned, len(report.failed)) == (2, 0, 2)
    assert all(why.startswith("predict: no usable reply") for why in report.failed.values())
    assert await pending_set(recnet, network) == waiting
    assert await recnet.network("tiny").digest() == digest


async def test_only_those_named_are_run(recnet: RecNet, model: WatchedModel) -> None:
    network = await fail_some(recnet, model)
    one, two = await rows(recnet, "SELECT id FROM interactions WHERE failure <> '' ORDER BY id")
    assert (await recnet.network("tiny").retry([two["id"]])).learned == 1
    async with recnet.resources.pool.connection() as conn:
        left = await find_interaction(conn, network, one["id"])
    assert left is not None
    assert left.failure
    with pytest.raises(InputError, match=f"'{two['id']}' did not fail: it was learned from"):
        await recnet.network("tiny").retry([one["id"], two["id"]])
    with pytest.raises(InputError, match="no interaction 'x' in network 'tiny'"):
        await recnet.network("tiny").retry(["x"])


async def test_the_clients_of_one_that_is_learned_now_wait_for_the_next_update(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"update_size": 50})
    )
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    waiting = await pending_set(recnet, network)
    assert len(waiting) == 3  # it keeps its place
    async with recnet.resources.pool.connection() as conn:
        await conn.execute("DELETE FROM pending_clients")  # as if its window had passed
    model.script = lambda *_: None
    assert (await recnet.network("tiny").retry()).learned == 1
    assert await pending_set(recnet, network) == waiting


async def test_a_network_in_training_is_left_alone(recnet: RecNet, model: WatchedModel) -> None:
    await fail_some(recnet, model)
    async with network_lock(recnet.resources, await recnet.network("tiny").record()):
        with pytest.raises(
            NetworkError, match="network 'tiny' is locked by recnet python, process "
        ):
            await recnet.network("tiny").retry()


async def test_a_record_whose_clients_never_hold_still_fails_and_is_learned_later(
    recnet: RecNet, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bootstrap_tiny(recnet)
    ask, turn, one = resources.model_client.ask, 0, asyncio.Lock()

    async def edited_meanwhile(prompt: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        nonlocal turn
        async with one:
            turn += 1
            await recnet.network("tiny").edit("user:ann", f"Likes the number {turn}.")
        return await ask(prompt, *args, **kwargs)

    record = {"user": "ann", "positive": "m1", "negative": "j4", "id": "a"}
    with monkeypatch.context() as patch:
        patch.setattr(resources.model_client, "ask", edited_meanwhile)
        out = await recnet.network("tiny").interact(**record)
    assert out["failure"] == "its clients changed 5 times while it was learned from"
    assert (await recnet.network("tiny").retry()).learned == 1
    assert (await recnet.network("tiny").interact(**record))["repeated"]


async def test_a_retried_record_is_settled_when_it_is_learned(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await fail_some(recnet, model)
    async with recnet.resources.pool.connection() as conn:
        before = [one.id for one in await list_interactions(conn, network)]
    claims = await rows(recnet, "SELECT id, claimed_by FROM windows ORDER BY id")
    await recnet.network("tiny").retry(concurrency=1)
    async with recnet.resources.pool.connection() as conn:
        after = [one.id for one in await list_interactions(conn, network)]
    assert after == before[2:] + before[:2]
    again = await rows(recnet, "SELECT id, claimed_by FROM windows ORDER BY id")
    assert again[: len(claims)] == claims
