"""Copies of a network: one bootstrap for many settings, and what a copy cannot have."""

import pytest
from pydantic import ValidationError

from nodes.window_lease import lease_name
from state.errors import InputError, NetworkError
from state.store.windows import add_pending, claim_window, open_window
from tests.support.database_rows import rows
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from workflows.recnet import RecNet


@pytest.mark.slow
async def test_a_copy_has_other_settings_from_then_on(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    copied = await recnet.network("tiny").copy("other", update_size=7, propagation="none")
    assert (await copied.record()).settings == NETWORK_SETTINGS.model_copy(
        update={"update_size": 7, "propagation": "none"}
    )
    assert (await recnet.network("tiny").record()).settings == NETWORK_SETTINGS
    assert await recnet.network("other").digest() == await recnet.network("tiny").digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder", "openai:text-embedding-3-small"),
        ("model", "openai:gpt-4.1-mini"),
        ("seed", 1),
        ("routers", 4),
        ("tau", 0.5),
        ("hears_from", 3.0),
        ("same_attribute", 0.9),
        ("router_attributes", 9),
    ],
)
async def test_what_the_bootstrap_used_is_refused(recnet: RecNet, name: str, value: object) -> None:
    await bootstrap_tiny(recnet)
    with pytest.raises(InputError, match=f"keeps {name}=.*, which its bootstrap has used"):
        await recnet.network("tiny").copy("other", **{name: value})
    with pytest.raises(NetworkError, match="no network 'other'"):
        await recnet.network("other").record()


async def test_an_unknown_setting_is_refused(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    with pytest.raises(ValidationError, match="nonsense"):
        await recnet.network("tiny").copy("other", nonsense=1)


async def test_the_lease_of_the_sources_open_window_is_not_that_of_the_copys(
    recnet: RecNet,
) -> None:
    network = await bootstrap_tiny(recnet)
    async with recnet.resources.pool.connection() as conn:
        await add_pending(conn, network, range(1, 7))
        await claim_window(conn, network, NETWORK_SETTINGS.update_size)
    copy = (await (await recnet.network("tiny").copy("other")).record()).id
    async with recnet.resources.locks.hold(lease_name(network, 1)):
        assert not await recnet.network("tiny").update_routers()
        assert await recnet.network("other").update_routers()
    async with recnet.resources.pool.connection() as conn:
        assert await open_window(conn, copy) is None
        assert await open_window(conn, network) is not None


@pytest.mark.slow
async def test_gradients_that_waited_rewrite_no_router_of_a_copy_with_frozen_ones(
    recnet: RecNet,
) -> None:
    await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"tau": -1.0, "echo": True})
    )
    await recnet.network("tiny").train(limit=9)
    waiting = await rows(recnet, "SELECT 1 FROM gradients WHERE status = 'pending'")
    assert waiting
    other = (await (await recnet.network("tiny").copy("other", optimize_routers=False)).record()).id
    written = (
        "SELECT count(*) AS n FROM module_versions WHERE network_id = %s AND module = 'router' "
        "AND author IN ('gradient', 'split', 'merge')"
    )
    before = await rows(recnet, written, other)
    await recnet.network("other").train()
    assert await rows(recnet, written, other) == before
    settled = await rows(
        recnet,
        "SELECT DISTINCT status, rejected_because FROM gradients "
        "WHERE network_id = %s AND module = 'router' AND rejected_because = 'routers are frozen'",
        other,
    )
    assert [row["status"] for row in settled] == ["rejected"]
