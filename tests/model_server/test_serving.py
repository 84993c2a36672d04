"""The server while it runs: latency, counts, settings that change, and a stop at any time."""

import asyncio
import json
import logging
import socket
import threading
from contextlib import ExitStack
from time import perf_counter

import httpx
import openai
import pytest

from tests.support.model_server.faults import Fault
from tests.support.model_server.serving import ModelServer, serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.model_server_clients import ask, client, prompt

HANGING = ModelServerSettings(faults=1.0, kinds=frozenset({Fault.HANG}), hang=60)


async def test_latency_passes_for_many_requests_together() -> None:
    with serving(ModelServerSettings(latency=0.5)) as endpoint:
        async with client(endpoint.url) as opened:
            start = perf_counter()
            await asyncio.gather(*(ask(opened, prompt(f"taste {n}")) for n in range(10)))
            seconds = perf_counter() - start
        assert 0.5 <= seconds < 4
        assert endpoint.counts.most_at_once == 10


async def test_requests_and_faults_are_counted_by_the_server() -> None:
    with serving() as endpoint:
        async with client(endpoint.url) as opened:
            await ask(opened)
            await ask(opened)
            await opened.embeddings.create(model="offline", input="jazz")
            with pytest.raises(openai.BadRequestError):
                await ask(opened, stream=True)
            endpoint.settings = ModelServerSettings(faults=1.0, kinds=frozenset({Fault.EMPTY}))
            await ask(opened)
            async with httpx.AsyncClient() as raw:
                told = (await raw.get(endpoint.url.replace("/v1", "/stats"))).json()
        counts = endpoint.counts
        assert told == json.loads(counts.model_dump_json())
    assert (counts.requests, counts.answered) == (5, 3)
    assert counts.faults == {Fault.EMPTY: 1}
    assert counts.refused == {400: 1}
    assert counts.asked == {"Predict": 3, "embeddings": 1}
    assert counts.most_at_once == 1


async def test_settings_change_while_it_runs() -> None:
    good, bad = (
        ModelServerSettings(),
        ModelServerSettings(faults=1.0, kinds=frozenset({Fault.SERVER_ERROR})),
    )
    with serving(good) as endpoint:
        async with client(endpoint.url) as opened:
            assert (await ask(opened)).choices
            endpoint.settings = bad
            assert endpoint.settings == bad
            with pytest.raises(openai.InternalServerError):
                await ask(opened)
            endpoint.settings = good
            assert (await ask(opened)).choices


async def test_it_stops_at_once_while_requests_hang(caplog: pytest.LogCaptureFixture) -> None:
    block = ExitStack()
    endpoint = block.enter_context(serving(HANGING))
    async with client(endpoint.url) as opened:
        hanging = [asyncio.create_task(ask(opened, prompt(f"taste {n}"))) for n in range(4)]
        while endpoint.counts.faults.get(Fault.HANG, 0) < len(hanging):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        start = perf_counter()
        await asyncio.to_thread(block.close)
        assert perf_counter() - start < 10
        for lost in await asyncio.gather(*hanging, return_exceptions=True):
            assert isinstance(lost, openai.APIConnectionError)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_client_that_leaves_is_not_waited_for() -> None:
    with serving(HANGING) as endpoint:
        async with client(endpoint.url, timeout=0.1) as opened:
            with pytest.raises(openai.APITimeoutError):
                await ask(opened)
        endpoint.settings = ModelServerSettings()
        async with client(endpoint.url) as opened:
            await ask(opened, prompt("another"))
        counts = endpoint.counts
    assert (counts.requests, counts.answered, counts.most_at_once) == (2, 1, 1)


def test_a_stopped_server_leaves_nothing_behind() -> None:
    with serving() as endpoint:
        assert "model server" in {thread.name for thread in threading.enumerate()}
        port = httpx.URL(endpoint.url).port
    assert "model server" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/stats")


def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        ModelServer(ModelServerSettings(), taken.getsockname()[1])
