"""A stream gives one network, however many of its records run at once and wherever it stops."""

import asyncio
from collections.abc import Set as AbstractSet
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.resources import Resources
from state.graphs.interaction import InteractionOutput
from state.store.interactions import list_interactions
from tests.support.database_rows import rows
from tests.support.record_streams import record_streams
from tests.support.tiny_network import bootstrap_tiny
from tests.support.watched_model import BAD, PowerCutError, WatchedModel
from workflows.network_lock import network_lock
from workflows.recnet import RecNet
from workflows.training.schedule import Record
from workflows.training.stream import train_stream
from workflows.training.trainer import Trainer


async def feed_all(
    recnet: RecNet, name: str, records: list[Record], concurrency: int, stops: AbstractSet[int]
) -> None:
    """Feed records until all are settled; the power is cut after so many of them.

    After a cut a copy of the network goes on in its place.
    """
    trainer = Trainer(recnet.runs, await recnet.network(name).record())
    count = 0

    async def settled(_: Record, __: InteractionOutput) -> None:
        nonlocal count
        count += 1
        if count in stops:
            raise PowerCutError(count)

    while left := await unsettled(recnet, trainer.network.id, records):
        try:
            async with network_lock(recnet.resources, trainer.network) as lock:
                await train_stream(trainer, left, lock, concurrency=concurrency, on_settled=settled)
        except PowerCutError:
            await recnet.network(name).copy("copy")
            await recnet.network(name).drop()
            async with recnet.resources.pool.connection() as conn:
                await conn.execute("UPDATE networks SET name = %s WHERE name = 'copy'", (name,))
            trainer = Trainer(recnet.runs, await recnet.network(name).record())
    async with network_lock(recnet.resources, trainer.network) as lock:
        await train_stream(trainer, [], lock, concurrency=concurrency, on_settled=settled)


async def unsettled(recnet: RecNet, network: int, records: list[Record]) -> list[Record]:
    async with recnet.resources.pool.connection() as conn:
        done = {one.id for one in await list_interactions(conn, network)}
    return [record for record in records if record.id not in done]


def late(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each call take its time by lot, so that records overtake each other."""
    ask, chance = resources.model_client.ask, Random(0)  # noqa: S311 - no secret

    async def asked(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        await asyncio.sleep(chance.choice((0, 0, 0.01, 0.03)))
        return await ask(*args, **kwargs)

    monkeypatch.setattr(resources.model_client, "ask", asked)


def some_fail(reply: str, text: str) -> str | None:
    """Fail every seventh prediction or so, by what it is asked."""
    return BAD if reply == "Predict" and sum(map(ord, text)) % 7 == 0 else None


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 10)
@given(
    records=record_streams(most=14),
    update_size=st.integers(3, 12),
    concurrency=st.integers(2, 16),
    stops=st.sets(st.integers(1, 14), max_size=3),
)
async def test_any_number_concurrency_gives_the_network_of_one_after_another(
    recnet: RecNet,
    resources: Resources,
    model: WatchedModel,
    monkeypatch: pytest.MonkeyPatch,
    records: list[Record],
    update_size: int,
    concurrency: int,
    stops: set[int],
) -> None:
    if not await rows(recnet, "SELECT id FROM networks"):
        await bootstrap_tiny(recnet)
    model.script = some_fail
    with monkeypatch.context() as patch:
        late(resources, patch)
        digests = {}
        for name, together, cuts in (("one", 1, frozenset()), ("many", concurrency, stops)):
            await recnet.network("tiny").copy(name, update_size=update_size)
            await feed_all(recnet, name, records, together, cuts)
            digests[name] = await recnet.network(name).digest()
            await recnet.network(name).drop()
    assert digests["many"] == digests["one"]
