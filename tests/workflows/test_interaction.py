"""One record, forward and backward: what it changes, and that it does so once."""

import numpy as np
import pytest

from state.domain import Client, Gradient, Module, ModuleKind
from state.errors import InputError, NetworkError
from state.store.gradients import read_gradients
from state.store.interactions import find_interaction, list_interactions, read_filter_decisions
from state.store.versions import join_rules, read_versions
from state.vectors import as_array
from tests.support.database_rows import (
    calls,
    keeping,
    pending_set,
    read_record_clients,
    rows,
    thread_ids,
)
from tests.support.tiny_network import (
    NETWORK_SETTINGS,
    RECORD_WITH_MESSAGES,
    bootstrap_tiny,
    load_tiny,
    train_tiny,
)
from tests.support.watched_model import WatchedModel
from workflows.recnet import RecNet


async def test_one_record_is_kept_with_all_that_it_changed(recnet: RecNet) -> None:
    network = await train_tiny(recnet)
    user, positive, negative = RECORD_WITH_MESSAGES
    before = await read_record_clients(recnet, network, *RECORD_WITH_MESSAGES)
    assert before[0].messages
    assert before[2].messages
    out = await recnet.network("tiny").interact(
        user=user, positive=positive, negative=negative, id="live"
    )
    assert out["interaction"] == "live"
    assert not out["repeated"]
    assert out["failure"] == ""
    assert out["reward"] == int(out["predicted"] == positive)
    async with recnet.resources.pool.connection() as conn:
        kept = await find_interaction(conn, network, "live")
        filter_decisions = await read_filter_decisions(conn, network, "live")
        gradients = await read_gradients(conn, network, "live")
    assert kept is not None
    assert [kept.user_id, kept.positive_id, kept.negative_id] == [c.id for c in before]
    assert kept.predicted_id == before[1 if out["reward"] else 2].id
    assert (kept.reward, kept.reason, kept.failure) == (out["reward"], out["reason"], "")
    after = await read_record_clients(recnet, network, *RECORD_WITH_MESSAGES)
    # Each message was judged once and is consumed.
    assert {(v.client_id, v.message_id) for v in filter_decisions} == {
        (client.id, message.id) for client in before for message in client.messages
    }
    assert [client.messages for client in after] == [(), (), ()]
    assert await pending_set(recnet, network) == {client.id for client in before}
    took_part = [(ModuleKind.profile_of(c.kind), c.id) for c in before]
    took_part += [(ModuleKind.FILTER_MEMORY, c.id) for c in before if c.messages]
    took_part += [(ModuleKind.ROUTER, r) for r in {v.sender.owner for v in filter_decisions}]
    assert sorted((g.module.kind, g.module.owner) for g in gradients) == sorted(took_part)
    for old, new in zip(before, after, strict=True):
        await assert_versions(recnet, network, old, new, gradients)


async def assert_versions(
    recnet: RecNet, network: int, old: Client, new: Client, gradients: list[Gradient]
) -> None:
    """Check that a client's new texts are there, with what made them, and its embedding."""
    by_module = {(g.module.kind, g.module.owner): g for g in gradients}
    profile = ModuleKind.profile_of(old.kind)
    for kind, base, top, text in (
        (profile, old.profile_version, new.profile_version, new.profile),
        (
            ModuleKind.FILTER_MEMORY,
            old.filter_version,
            new.filter_version,
            join_rules(new.rules),
        ),
    ):
        async with recnet.resources.pool.connection() as conn:
            versions = await read_versions(conn, network, Module(kind=kind, owner=old.id))
        assert [v.version for v in versions] == list(range(1, top + 1))
        assert versions[-1].content == text
        made = versions[base:]
        assert all(v.interaction_id == "live" for v in made)
        assert [v.author for v in made] in (
            [],
            ["reception"],
            ["gradient"],
            ["reception", "gradient"],
        )
        gradient = by_module.get((kind, old.id))
        if any(v.author == "gradient" for v in made):
            assert gradient is not None
            assert (gradient.status, gradient.applied_to, gradient.applied_version) == (
                "applied",
                old.id,
                top,
            )
            assert (gradient.version, gradient.suggestion != "") == (base, True)
    (stored,) = await rows(
        recnet,
        "SELECT embedding FROM client_vectors WHERE network_id = %s AND client_id = %s",
        network,
        new.id,
    )
    (wanted,) = await recnet.resources.encoder.embed([new.profile])
    assert np.allclose(as_array(stored["embedding"]), wanted, atol=1e-6)


async def test_the_same_identity_again_costs_nothing_and_returns_the_same(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    first = await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    asked, paid, digest = (
        len(model.asked),
        await calls(recnet, network),
        await recnet.network("tiny").digest(),
    )
    again = await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    assert again["repeated"]
    assert {**again, "repeated": False} == {**first, "window": None}
    assert len(model.asked) == asked
    assert await calls(recnet, network) == paid
    assert await recnet.network("tiny").digest() == digest


async def test_an_identity_belongs_to_one_record(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    digest = await recnet.network("tiny").digest()
    for other in (
        {"user": "bob", "positive": "j2", "negative": "m1"},
        {"user": "ann", "positive": "m1", "negative": "j2"},
        {"user": "ann", "positive": "j2", "negative": "m2"},
    ):
        with pytest.raises(InputError, match="'a' was another record"):
            await recnet.network("tiny").interact(id="a", **other)
    assert await recnet.network("tiny").digest() == digest


async def test_without_an_identity_one_is_generated(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    outs = [
        await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1")
        for _ in range(2)
    ]
    generated = {out["interaction"] for out in outs}
    assert len(generated) == 2
    async with recnet.resources.pool.connection() as conn:
        assert {i.id for i in await list_interactions(conn, network)} == generated


@pytest.mark.parametrize(
    ("user", "positive", "negative", "named"),
    [
        ("zed", "j2", "m1", "unknown user 'zed'"),
        ("ann", "j9", "m1", "unknown item 'j9'"),
        ("ann", "j2", "ann", "unknown item 'ann'"),
        ("ann", "j2", "j2", "'j2' cannot be both"),
        ("ann", "j2", "j2 ", "'j2' cannot be both"),
        ("an\x00n", "j2", "m1", "unknown user"),
        ("ann", "j\ud8002", "m1", "unknown item"),
    ],
)
async def test_a_record_that_makes_no_sense_names_what_is_wrong_and_leaves_the_identity_free(
    recnet: RecNet, model: WatchedModel, user: str, positive: str, negative: str, named: str
) -> None:
    network = await bootstrap_tiny(recnet)
    model.asked.clear()
    with pytest.raises(InputError, match=named):
        await recnet.network("tiny").interact(
            user=user, positive=positive, negative=negative, id="a"
        )
    assert model.asked == []
    assert await pending_set(recnet, network) == set()
    out = await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    assert not out["repeated"]


@pytest.mark.parametrize("identity", ["bootstrap", "window 1"])
async def test_an_identity_is_no_name_of_a_step(recnet: RecNet, identity: str) -> None:
    await bootstrap_tiny(recnet)
    with pytest.raises(InputError, match=f"'{identity}' names a step of RecNet's own"):
        await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id=identity)


async def test_a_network_without_routers_takes_no_records(recnet: RecNet) -> None:
    await load_tiny(recnet)
    with pytest.raises(NetworkError, match="recnet bootstrap --network tiny"):
        await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1")
    with pytest.raises(NetworkError, match="no network 'other'; there are: tiny"):
        await recnet.network("other").interact(user="ann", positive="j2", negative="m1")


async def test_a_dropped_name_can_be_used_again(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await keeping(recnet).network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    assert len(await thread_ids(recnet)) == 1
    first = await recnet.network("tiny").digest()
    await recnet.network("tiny").drop()
    assert await thread_ids(recnet) == set()
    await bootstrap_tiny(recnet)
    out = await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="a")
    assert not out["repeated"]
    assert await recnet.network("tiny").digest() == first


async def test_a_bootstrap_with_other_settings_is_refused(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    digest = await recnet.network("tiny").digest()
    again = await recnet.network("tiny").bootstrap(NETWORK_SETTINGS)
    assert again["routers"] == NETWORK_SETTINGS.routers
    with pytest.raises(NetworkError, match="bootstrapped with update_size=5, not 6"):
        await recnet.network("tiny").bootstrap(
            NETWORK_SETTINGS.model_copy(update={"update_size": 6})
        )
    assert await recnet.network("tiny").digest() == digest
