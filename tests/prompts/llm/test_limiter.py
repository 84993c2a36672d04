"""The limiter: how many requests are under way at once, and how many begin within a minute."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

import prompts.llm.limiter
from nodes.resources import open_endpoints
from prompts.llm.client import ModelClient
from prompts.llm.limiter import CallLimiter
from state.settings import Settings
from tests.support.greet_prompt import GOOD, KEY, GreetClient, greeting_templates
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

SHORT = 0.4
"""Seconds of a minute here."""


@pytest.fixture
def short_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts.llm.limiter, "MINUTE", SHORT)


@pytest.fixture
def endpoint() -> Iterator[ScriptedServer]:
    """Answer any request, for a completion or for embeddings, after a moment."""

    def answer(request: dict[str, Any]) -> Answer:
        if "messages" in request:
            return Answer(text=GOOD, delay=0.05)
        rows = [{"object": "embedding", "index": 0, "embedding": [1.0, 0.0]}]
        body = {"object": "list", "model": "test", "data": rows, "usage": {"prompt_tokens": 1}}
        return Answer(body=body, delay=0.05)

    with scripted_server(answer) as endpoint:
        yield endpoint


def settings(endpoint: ScriptedServer, **more: Any) -> Settings:  # noqa: ANN401 - passed on
    named = {"model": "openai:test", "embedding": "openai:test", "retry_wait": 0.0}
    return Settings(base_url=endpoint.url, api_key=SecretStr(KEY), **{**named, **more})


@asynccontextmanager
async def under_way(limiter: CallLimiter, tokens: int = 0) -> AsyncIterator[None]:
    """Let a request through, for a call that lasts as long as it."""
    async with limiter.slots, limiter.request(tokens):
        yield


async def passing(limiter: CallLimiter, *tokens: int) -> list[float]:
    """Let requests through at once, and return after how many seconds each of them began."""
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def enter(asked: int) -> float:
        async with under_way(limiter, asked):
            return loop.time() - start

    return await asyncio.gather(*(enter(asked) for asked in tokens))


async def test_completions_and_embeddings_share_the_slots(endpoint: ScriptedServer) -> None:
    async with open_endpoints(settings(endpoint, max_concurrent_calls=3)) as opened:
        b = GreetClient(
            ModelClient(opened.model, greeting_templates(), limiter=opened.limiter), endpoint
        )
        asks = [b.ask() for _ in range(6)]
        await asyncio.gather(*asks, *(opened.encoder.embed([f"text {n}"]) for n in range(6)))
    assert len(endpoint.requests) == 12
    assert endpoint.most_at_once == 3


@pytest.mark.usefixtures("short_minute")
async def test_completions_and_embeddings_share_the_minute(endpoint: ScriptedServer) -> None:
    async with open_endpoints(settings(endpoint, requests_per_minute=4)) as opened:
        b = GreetClient(
            ModelClient(opened.model, greeting_templates(), limiter=opened.limiter), endpoint
        )
        start = asyncio.get_running_loop().time()
        await asyncio.gather(*(b.ask() for _ in range(4)))
        await asyncio.gather(*(opened.encoder.embed([f"text {n}"]) for n in range(4)))
        assert asyncio.get_running_loop().time() - start > SHORT * 0.9
    assert b.calls[0].seconds < SHORT, "waiting for the limiter does not count"


@pytest.mark.usefixtures("short_minute")
async def test_a_burst_uses_a_minutes_share_and_the_rest_follows_evenly() -> None:
    began = sorted(await passing(CallLimiter(8, requests_per_minute=4), *[0] * 8))
    assert began[3] < SHORT / 8
    for place in range(4, 8):
        assert began[place] >= (place - 3) * SHORT / 4 * 0.9
    assert began[7] < 2 * SHORT


@pytest.mark.usefixtures("short_minute")
async def test_requests_wait_for_tokens() -> None:
    began = await passing(CallLimiter(8, tokens_per_minute=100), 100, 50, 50)
    assert began[0] < SHORT / 8
    assert began[1] >= SHORT / 2 * 0.9
    assert began[2] >= SHORT * 0.9


@pytest.mark.usefixtures("short_minute")
async def test_a_prompt_beyond_the_tokens_of_a_minute_passes_alone() -> None:
    began = await passing(CallLimiter(8, tokens_per_minute=10), 1_000_000, 1)
    assert began[0] < SHORT / 8
    assert SHORT / 10 * 0.9 <= began[1] < SHORT


async def test_without_bounds_nothing_waits() -> None:
    assert max(await passing(CallLimiter(100), *[10**6] * 100)) < 0.5


async def test_a_cancelled_waiter_takes_no_slot() -> None:
    limiter = CallLimiter(1)
    async with under_way(limiter):
        waiting = asyncio.create_task(passing(limiter, 0))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(await asyncio.wait_for(passing(limiter, 0, 0), 10)) == 2


async def test_a_failed_request_releases_its_slot() -> None:
    limiter = CallLimiter(1)
    with pytest.raises(KeyError):
        async with under_way(limiter):
            raise KeyError
    assert await asyncio.wait_for(passing(limiter, 0), 10)


async def test_a_closed_limiter_lets_calls_under_way_end_and_no_other_begin() -> None:
    limiter, free = CallLimiter(2), asyncio.Event()
    ended = []

    async def pass_through(name: str) -> None:
        async with under_way(limiter):
            await free.wait()
            ended.append(name)

    first = asyncio.create_task(pass_through("first"))
    await asyncio.sleep(0)
    limiter.close()
    late = asyncio.create_task(pass_through("late"))
    resting = asyncio.create_task(limiter.wait_idle())
    await asyncio.sleep(0.05)
    assert not resting.done()
    free.set()
    await asyncio.wait_for(resting, 10)
    await first
    assert ended == ["first"]
    limiter.cancel_waiting()
    for turned_away in (late, asyncio.create_task(pass_through("later"))):
        with pytest.raises(asyncio.CancelledError):
            await turned_away


async def test_a_slot_handed_to_a_cancelled_waiter_goes_to_the_next() -> None:
    limiter = CallLimiter(1)
    async with under_way(limiter):
        waiting = [asyncio.create_task(passing(limiter, 0)) for _ in range(2)]
        await asyncio.sleep(0.01)
    waiting[0].cancel()  # the slot is its own by now, and it has not run yet
    assert len(await asyncio.wait_for(waiting[1], 10)) == 1
    assert len(await asyncio.wait_for(passing(limiter, 0), 10)) == 1


async def test_a_call_holds_its_slot_until_it_is_recorded() -> None:
    limiter = CallLimiter(1)
    async with limiter.slots:
        async with limiter.request(0):
            next_one = asyncio.create_task(passing(limiter, 0))
        with limiter.recording():
            resting = asyncio.create_task(limiter.wait_idle())
            await asyncio.sleep(0.01)
            assert not next_one.done()
            assert not resting.done()
    await asyncio.wait_for(asyncio.gather(next_one, resting), 10)


async def test_a_cancelled_call_releases_its_slot() -> None:
    limiter = CallLimiter(1)
    limiter.close()
    limiter.cancel_waiting()
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(passing(limiter, 0), 10)
    await asyncio.wait_for(limiter.wait_idle(), 10)


@pytest.fixture
def short_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts.llm.limiter, "_RECORDING_PAUSE", 0.05)


async def fail_to_store(limiter: CallLimiter) -> None:
    with pytest.raises(KeyError), limiter.recording():
        raise KeyError


@pytest.mark.usefixtures("short_while")
async def test_after_a_failed_recording_requests_wait_for_the_storage() -> None:
    back = asyncio.Event()

    async def stores() -> None:
        await back.wait()

    limiter = CallLimiter(2, wait_for_storage=stores)
    await fail_to_store(limiter)
    waiting = asyncio.create_task(passing(limiter, 0, 0, 0))
    await asyncio.sleep(0.1)
    await fail_to_store(limiter)  # one that was under way
    assert not waiting.done()
    back.set()
    assert len(await asyncio.wait_for(waiting, 10)) == 3


@pytest.mark.usefixtures("short_while")
async def test_without_storage_a_call_fails_before_it_is_sent() -> None:
    async def stores() -> None:
        raise ConnectionError

    limiter = CallLimiter(1, wait_for_storage=stores)
    await fail_to_store(limiter)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(passing(limiter, 0), 10)
    limiter.wait_for_storage = None
    assert await asyncio.wait_for(passing(limiter, 0), 10)


@pytest.mark.usefixtures("short_while")
async def test_a_second_failed_recording_is_waited_for_as_well() -> None:
    asked: list[int] = []

    async def stores() -> None:
        asked.append(len(asked))
        if len(asked) == 1:
            await fail_to_store(limiter)

    limiter = CallLimiter(1, wait_for_storage=stores)
    await fail_to_store(limiter)
    assert await asyncio.wait_for(passing(limiter, 0, 0), 10)
    assert len(asked) == 2
