"""A slow endpoint, and two equal networks."""

from collections.abc import Iterator

import pytest

from tests.support.model_server.serving import RunningServer, serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.training_process import LATENCY, NetworkPair


@pytest.fixture
def endpoint() -> Iterator[RunningServer]:
    """Run a server that takes its time."""
    with serving(ModelServerSettings(latency=LATENCY)) as running:
        yield running


@pytest.fixture
async def trained(database: str, endpoint: RunningServer, records: int) -> NetworkPair:
    """Return two equal networks that are not trained yet."""
    networks = NetworkPair(database, endpoint, records)
    await networks.bootstrap()
    return networks
