"""Replies that stay bad fail one record, visibly; and records that meet lose nothing."""

import asyncio

import pytest

from state.domain import Module, ModuleKind
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput
from state.store.clients import read_attributes
from state.store.gradients import read_gradients
from state.store.interactions import find_interaction, list_interactions, read_filter_decisions
from state.store.routers import read_routers
from state.store.versions import read_versions
from state.store.windows import open_window
from tests.support.database_rows import calls, pending_set, read_record_clients, rows
from tests.support.tiny_network import (
    NETWORK_SETTINGS,
    RECORD_WITH_MESSAGES,
    bootstrap_tiny,
    load_tiny,
    train_tiny,
)
from tests.support.watched_model import BAD, WatchedModel, bad_once
from workflows import interaction
from workflows.recnet import RecNet


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reply", "prompt"),
    [
        ("Merge", "merge"),
        ("Predict", "predict"),
        ("CreditAssignment", "gradient"),
        ("OptimizedProfile", "optimize_profile"),
        ("OptimizedFilterMemory", "optimize_filter_memory"),
    ],
)
async def test_a_reply_that_stays_bad_fails_the_record_and_nothing_of_it_is_applied(
    recnet: RecNet, model: WatchedModel, reply: str, prompt: str
) -> None:
    network = await train_tiny(recnet)
    user, positive, negative = RECORD_WITH_MESSAGES
    before = await read_record_clients(recnet, network, *RECORD_WITH_MESSAGES)
    model.script = lambda asked, _: BAD if asked == reply else None
    out = await recnet.network("tiny").interact(
        user=user, positive=positive, negative=negative, id="live"
    )
    assert out["failure"].startswith(f"{prompt}: no usable reply")
    async with recnet.resources.pool.connection() as conn:
        kept = await find_interaction(conn, network, "live")
        assert await read_gradients(conn, network, "live") == []
        assert await read_filter_decisions(conn, network, "live") == []
    assert kept is not None
    assert (kept.failure, kept.reward, kept.predicted_id) == (out["failure"], None, None)
    assert await read_record_clients(recnet, network, *RECORD_WITH_MESSAGES) == before
    ids = {client.id for client in before}
    assert await pending_set(recnet, network) == ids
    bad = await rows(
        recnet, "SELECT attempts FROM usage WHERE step = 'live' AND outcome = 'bad_reply'"
    )
    assert {row["attempts"] for row in bad} == {3}
    # It keeps its identity.
    with pytest.raises(InputError, match="'live' was another record"):
        await recnet.network("tiny").interact(
            user="bob", positive=positive, negative=negative, id="live"
        )
    # Failing again takes no second place; then it is learned, and counts once.
    await recnet.network("tiny").interact(
        user=user, positive=positive, negative=negative, id="live"
    )
    assert await pending_set(recnet, network) == ids
    model.script = bad_once("none")
    out = await recnet.network("tiny").interact(
        user=user, positive=positive, negative=negative, id="live"
    )
    assert (out["failure"], out["repeated"]) == ("", False)
    async with recnet.resources.pool.connection() as conn:
        learned = [i for i in await list_interactions(conn, network) if i.id == "live"]
        assert len(await read_gradients(conn, network, "live")) > 3
    assert [(i.failure, i.reward) for i in learned] == [("", out["reward"])]
    assert await pending_set(recnet, network) == ids


async def test_a_bad_reply_is_asked_for_again(recnet: RecNet, model: WatchedModel) -> None:
    network = await bootstrap_tiny(recnet)
    model.script = bad_once("Predict", asks=2)
    out = await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    assert out["failure"] == ""
    assert (await calls(recnet, network, "a"))["predict"] == 3


async def test_two_runs_of_one_record_at_once_are_learned_once(
    recnet: RecNet, model: WatchedModel
) -> None:
    """On the Agent Server each run has a thread of its own, so nothing but the commit decides."""
    network = await bootstrap_tiny(recnet)
    choices = iter("AB")

    def disagree(reply: str, _: str) -> str | None:
        return f'{{"reason": "", "choice": "{next(choices)}"}}' if reply == "Predict" else None

    model.script = disagree
    record = InteractionInput(user="ann", positive="j2", negative="m1", interaction="a")
    context = NetworkContext(network="tiny")
    with recnet.resources.bound():
        outs = await asyncio.gather(
            *(interaction.graph.ainvoke(record, context=context) for _ in range(2))
        )
    async with recnet.resources.pool.connection() as conn:
        kept = await find_interaction(conn, network, "a")
    assert kept is not None
    assert [out["reward"] for out in outs] == [kept.reward] * 2
    assert outs[0]["predicted"] == outs[1]["predicted"]
    versions = await rows(
        recnet, "SELECT count(*) AS made FROM module_versions WHERE interaction_id = 'a'"
    )
    applied = await rows(recnet, "SELECT count(*) AS made FROM gradients WHERE status = 'applied'")
    assert versions == applied


@pytest.mark.slow
async def test_records_that_share_a_client_at_once_lose_nothing(recnet: RecNet) -> None:
    network_settings = NETWORK_SETTINGS.model_copy(update={"update_size": 100})
    network = await bootstrap_tiny(recnet, network_settings=network_settings)
    users = ("ann", "bob", "cid", "dot", "eve", "fay")
    await asyncio.gather(
        *(
            recnet.network("tiny").interact(user=u, positive="j2", negative="m1", id=u)
            for u in users
        )
    )
    (_, item, _) = await read_record_clients(recnet, network, "ann", "j2", "m1")
    async with recnet.resources.pool.connection() as conn:
        module = Module(kind=ModuleKind.ITEM_PROFILE, owner=item.id)
        versions = await read_versions(conn, network, module)
        assert len(await list_interactions(conn, network)) == len(users)
    assert [v.version for v in versions] == list(range(1, item.profile_version + 1))
    made = await rows(
        recnet,
        "SELECT interaction_id, applied_version FROM gradients "
        "WHERE module = 'item_profile' AND owner = %s AND status = 'applied'",
        item.id,
    )
    assert len({row["interaction_id"] for row in made}) == len(made) > 3
    by_version = {v.version: v for v in versions}
    for row in made:
        version = by_version[row["applied_version"]]
        assert version.interaction_id == row["interaction_id"]


async def test_one_bad_reply_does_not_stop_a_bootstrap(recnet: RecNet, model: WatchedModel) -> None:
    network = await load_tiny(recnet)
    model.script = lambda asked, text: (
        BAD if asked == "Summarize" or (asked == "Extract" and "Smoky Trumpet" in text) else None
    )
    founded = await recnet.network("tiny").bootstrap(NETWORK_SETTINGS)
    assert founded["routers"] == 3
    async with recnet.resources.pool.connection() as conn:
        held = await read_attributes(conn, network)
        routers = await read_routers(conn, network)
    # ann and her first CD are the two whose profile names it; every router lists its cluster.
    assert sum(not attributes for attributes in held.values()) == 2
    assert all(router.profile for router in routers)
    bad = await rows(recnet, "SELECT prompt FROM usage WHERE outcome = 'bad_reply'")
    assert sorted(row["prompt"] for row in bad) == ["extract"] * 2 + ["summarize"] * 3


@pytest.mark.slow
async def test_bad_replies_do_not_stop_a_router_update(recnet: RecNet, model: WatchedModel) -> None:
    network = await bootstrap_tiny(recnet)
    model.script = lambda asked, _: (
        BAD if asked in ("Extract", "Summarize", "OptimizedRouter") else None
    )
    report = await recnet.network("tiny").train()
    assert (report.failed, report.windows > 0) == (0, True)
    rejected = await rows(
        recnet,
        "SELECT rejected_because FROM gradients WHERE module = 'router' AND status = 'rejected'",
    )
    assert all("optimize_router" in row["rejected_because"] for row in rejected)
    async with recnet.resources.pool.connection() as conn:
        assert await open_window(conn, network) is None
