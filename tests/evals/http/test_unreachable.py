"""An endpoint that goes in the middle of a run: it stops, and goes on when one is back."""

import asyncio
from contextlib import ExitStack

import httpx
import pytest

from prompts.llm.errors import ModelError
from state.settings import Settings
from state.store.interactions import list_interactions
from tests.support.commands import run_command
from tests.support.http_network import over_http
from tests.support.model_server.serving import RunningServer, serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, load_tiny, with_models
from workflows.commands.console import ERROR
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow

SLOW = ModelServerSettings(latency=0.01)
"""So that requests are under way when the server goes."""
UNREACHED = (
    "openai:offline: the endpoint cannot be reached; check the network and OPENAI_BASE_URL",
    "openai:offline: the endpoint cannot be reached; check the network and "
    "RECNET_EMBEDDING_BASE_URL",
)
"""What models and encoder say."""


async def close_after(requests: int, endpoint: RunningServer, block: ExitStack) -> None:
    """Close a server once it has been asked so often from now on."""
    last = endpoint.counts.requests + requests
    while endpoint.counts.requests < last:  # noqa: ASYNC110 - it counts in a thread of its own
        await asyncio.sleep(0.001)
    await asyncio.to_thread(block.close)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("requests", [5, 23, 50, 80])
async def test_training_stops_in_one_line_and_goes_on(
    settings: Settings, alone: str, requests: int
) -> None:
    with ExitStack() as block:
        endpoint = block.enter_context(serving(SLOW))
        async with RecNet.open(over_http(endpoint, settings)) as recnet:
            network = await bootstrap_tiny(recnet)
            closing = asyncio.create_task(close_after(requests, endpoint, block))
            with pytest.raises(ModelError) as stop:
                await recnet.network("tiny").train()
            await closing
            async with recnet.resources.pool.connection() as conn:
                settled = await list_interactions(conn, network)
    assert str(stop.value) in UNREACHED
    assert stop.value.transient
    assert [one.failure for one in settled] == [""] * len(settled)
    assert len(settled) < 12
    with serving() as endpoint:
        async with RecNet.open(over_http(endpoint, settings)) as recnet:
            report = await recnet.network("tiny").train()
            assert (report.run, report.failed) == (12 - len(settled), 0)
            assert await recnet.network("tiny").digest() == alone


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("requests", [1, 10, 20])
async def test_a_bootstrap_stops_and_goes_on(settings: Settings, alone: str, requests: int) -> None:
    with ExitStack() as block:
        endpoint = block.enter_context(serving(SLOW))
        async with RecNet.open(over_http(endpoint, settings)) as recnet:
            await load_tiny(recnet)
            closing = asyncio.create_task(close_after(requests, endpoint, block))
            with pytest.raises(ModelError) as stop:
                await recnet.network("tiny").bootstrap(with_models(recnet, NETWORK_SETTINGS))
            await closing
    assert str(stop.value) in UNREACHED
    with serving() as endpoint:
        async with RecNet.open(over_http(endpoint, settings)) as recnet:
            await recnet.network("tiny").bootstrap(with_models(recnet, NETWORK_SETTINGS))
            await recnet.network("tiny").train()
            assert await recnet.network("tiny").digest() == alone


@pytest.mark.usefixtures("typed_http")
def test_a_command_says_so_in_one_line(
    http: Settings, endpoint: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found() -> None:
        async with RecNet.open(http) as recnet:
            await bootstrap_tiny(recnet)

    asyncio.run(found())
    with serving() as other:
        gone = other.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(gone)
    monkeypatch.setenv("OPENAI_BASE_URL", gone)
    said = run_command("train", "-n", "tiny", code=ERROR).stderr.splitlines()
    assert said[-1] == f"recnet: {UNREACHED[0]}"
    assert "Traceback" not in "".join(said)
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    assert "12 of 12 records run now" in run_command("train", "-n", "tiny").stdout
