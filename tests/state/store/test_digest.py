"""The digest: two networks are the same when it is, and it moves with whatever makes a network."""

import pytest

from nodes.resources import Resources
from state.domain import Call, Reception
from state.store.clients import read_clients
from state.store.digest import DUMP, digest_network
from state.store.merged_views import keep_view
from state.store.networks import copy_network, find_network
from state.store.usage import add_usage
from tests.support.network_changes import CHANGES, Change, lived_in, new_record
from tests.support.paths import ROOT
from tests.support.tiny_network import NETWORK_SETTINGS


@pytest.mark.parametrize("change", CHANGES)
async def test_the_digest_moves_with_what_makes_a_network(
    resources: Resources, change: Change
) -> None:
    network = await lived_in(resources)
    async with resources.pool.connection() as conn:
        before = await digest_network(conn, network)
        assert await digest_network(conn, network) == before
        await change(conn, network)
        assert await digest_network(conn, network) != before


async def test_the_digest_keeps_still_for_what_does_not(resources: Resources) -> None:
    network = await lived_in(resources)
    async with resources.pool.connection() as conn:
        before = await digest_network(conn, network)
        call = Call(
            prompt="merge", model="offline", attempts=1, input_tokens=1,
            output_tokens=1, seconds=0.1, outcome="ok",
        )  # fmt: skip
        await add_usage(conn, None, network, "i:1", call)
        (client,) = await read_clients(conn, network, [1])
        await keep_view(conn, network, client, "model", Reception(client=1, profile="merged"))
        await conn.execute("UPDATE networks SET name = 'renamed', created_at = 'epoch'")
        await conn.execute("UPDATE module_versions SET created_at = 'epoch'")
        await conn.execute("UPDATE interactions SET created_at = 'epoch'")
        assert await digest_network(conn, network) == before


async def test_networks_with_one_history_have_one_digest(resources: Resources) -> None:
    first, second = await lived_in(resources), await lived_in(resources, "again")
    async with resources.pool.connection() as conn:
        digest = await digest_network(conn, first)
        assert len(digest) == 64
        assert await digest_network(conn, second) == digest
        copy = await copy_network(conn, await find_network(conn, "tiny"), "copy", NETWORK_SETTINGS)
        assert await digest_network(conn, copy) == digest
        await new_record(conn, copy)
        assert await digest_network(conn, first) == digest


def test_the_documentation_lists_what_is_dumped() -> None:
    text = (ROOT / "docs/digest.md").read_text(encoding="utf-8")
    listed = [row.split(" | ")[:2] for row in text.splitlines() if row.startswith("| `")]
    assert listed == [[f"| `{name}`", ", ".join(t.columns)] for name, t in DUMP.items()]
