"""Runs that stop half-way, and what they leave to do."""

from collections.abc import AsyncIterator

import pytest

from state.store.windows import Window, open_window
from tests.support.database_rows import rows
from tests.support.tiny_network import bootstrap_tiny
from tests.support.watched_model import PowerCutError, WatchedModel, cut_once
from workflows.recnet import RecNet

ALONE = ("Predict", "CreditAssignment")
"""Replies that a record asks for one at a time: no sibling is in flight beside them."""

LIVE_RECORDS = (("ann", "j2"), ("bob", "j3"))
"""Two live records whose clients fill the pending set."""

MOST_RUNS = 500
"""Runs after which `unfinished` gives up."""


async def fill_window(recnet: RecNet) -> None:
    """Learn the live records, the last of which starts a router update."""
    for user, positive in LIVE_RECORDS:
        await recnet.network("tiny").interact(
            user=user, positive=positive, negative="m1", id=f"live {user}"
        )


async def leave_open_window(recnet: RecNet, model: WatchedModel) -> int:
    """Run until the second record's router update breaks off; return the network's id."""
    network = await bootstrap_tiny(recnet)
    model.script = cut_once("Extract")
    with pytest.raises(PowerCutError):
        await fill_window(recnet)
    assert await find_open_window(recnet, network) is not None
    return network


async def find_open_window(recnet: RecNet, network: int) -> Window | None:
    """Return the claimed window that waits for its router update."""
    async with recnet.resources.pool.connection() as conn:
        return await open_window(conn, network)


async def unfinished(recnet: RecNet, network: int, records: int) -> AsyncIterator[int]:
    """Yield how many records are left until all are settled and no router update is open."""
    for _ in range(MOST_RUNS):
        left = records - await count_settled(recnet, network)
        if not left and not await has_open_window(recnet, network):
            return
        yield left
    pytest.fail(f"not finished after {MOST_RUNS} runs")


async def count_settled(recnet: RecNet, network: int) -> int:
    """Return how many records of a network are settled."""
    found = await rows(recnet, "SELECT id FROM interactions WHERE network_id = %s", network)
    return len(found)


async def has_open_window(recnet: RecNet, network: int) -> bool:
    """Return whether a claimed window waits for its router update."""
    return await find_open_window(recnet, network) is not None
