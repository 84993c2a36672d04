"""Calls that do not wait for each other are under way together, up to the limit."""

import pytest

from state.settings import Settings
from tests.support.database_rows import calls
from tests.support.http_network import over_http
from tests.support.model_server.serving import serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import bootstrap_tiny
from workflows.recnet import RecNet

SLOW = ModelServerSettings(latency=0.5)
RECORDS = (
    ("ann", "j2", "m1"), ("cid", "m2", "f1"),
    ("bob", "j3", "m4"), ("dot", "m3", "f2"),
    ("ann", "j3", "f1"), ("cid", "m3", "j1"),
)  # fmt: skip
"""Pairs that share no client: after each, the pending set reaches `update_size`."""


@pytest.mark.slow
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("in_flight", [100, 3])
async def test_the_calls_of_a_stage_are_under_way_together_up_to_the_limit(
    settings: Settings, in_flight: int
) -> None:
    async with RecNet.open(settings) as recnet:
        network = await bootstrap_tiny(recnet)
    with serving(SLOW) as endpoint:
        over = over_http(endpoint, settings, max_concurrent_calls=in_flight, embedding="offline")
        async with RecNet.open(over) as recnet:
            for user, positive, negative in RECORDS:
                await recnet.network("tiny").interact(
                    user=user, positive=positive, negative=negative
                )
            updates = [await calls(recnet, network, f"window {n}") for n in (1, 2, 3)]
    # Extraction of all clients and optimization of all routers is one stage of a router update.
    stages = [made["extract"] + made["optimize_router"] for made in updates]
    assert min(stages) >= 6
    assert sum(made["optimize_router"] for made in updates) > 0
    assert endpoint.counts.most_at_once == min(max(stages), in_flight)
