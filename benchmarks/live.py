"""Concurrent live interactions on one database, compared with the same ones in sequence."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import Self
from uuid import uuid4

from pydantic import Field, model_validator

from benchmarks.audit import Audit, audit_network, count_deadlocks
from benchmarks.crowd import deal, run_crowd
from benchmarks.feeding import Fed, LiveRecord, Share, feed
from evals.planted.world import World, plant_world
from state.domain import ClientKind, Frozen
from state.randomness import draw
from state.settings import NetworkSettings
from state.store.clients import list_clients
from workflows.recnet import RecNet


class LiveSettings(Frozen):
    """The records, and how they are run."""

    records: int = Field(default=256, ge=1, description="Interactions to run.")
    processes: int = Field(default=4, ge=1, description="Processes that run them.")
    concurrency: int = Field(default=8, ge=1, description="Concurrent interactions in each.")
    latency: float = Field(default=0.2, ge=0, description="Seconds before each reply.")
    skew: float = Field(
        default=1.0, ge=0, description="Exponent of the zipf law that items are drawn by."
    )
    users: int = Field(default=200, ge=1, description="Users of the planted world.")
    items: int = Field(default=300, ge=36, description="Its items.")
    update_size: int = Field(default=20, ge=1, description="Changed clients of a router update.")
    seed: int = Field(default=0, ge=0, description="Keys the world and the records.")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.records < self.processes:
            raise ValueError(f"{self.records} records are too few for {self.processes} processes")
        return self


class LiveRun(Frozen):
    """The result of running the records in one way."""

    fed: Fed
    audit: Audit
    deadlocks: int
    calls_per_interaction: float
    """Calls of all interactions, those of failed ones included, by those that finished."""
    per_second: float
    """Interactions that finished in a second."""


class LiveReport(Frozen):
    """Both runs of the same records."""

    settings: LiveSettings
    quiet: LiveRun
    """One after another; the model answers in process and at once, since latency changes no call.
    """
    crowded: LiveRun
    ratio: float
    """Calls for each finished interaction, crowded by quiet. A crowd makes fewer, larger router
    updates, so its clients have fewer messages to merge; the next figure leaves that out."""
    waste: float
    """Calls of the crowd, divided by those whose replies were committed."""


Started = Callable[[str, int], Callable[[], None]]
"""Called with a name and the number of records; returns a function to call after each record."""


async def measure_live(recnet: RecNet, settings: LiveSettings, started: Started) -> LiveReport:
    """Bootstrap a planted world, and run the same records on two copies of it.

    Raises:
        RecNetError: a process of the crowd ended early.
    """
    async with _networks(recnet, settings) as (base, quiet, crowded):
        records = draw_records(settings, *await _keys(recnet, base))
        alone = Share(network=quiet, concurrency=1, records=tuple(records))
        tell = started("one after another", len(records))
        in_quiet = await _watch(recnet, alone.network, records, feed(recnet, alone, tell))
        shares = deal(crowded, records, settings.processes, settings.concurrency)
        tell = started(f"{settings.processes} x {settings.concurrency} concurrent", len(records))
        crowd = run_crowd(recnet.resources.url, shares, settings.latency, tell)
        in_crowd = await _watch(recnet, crowded, records, crowd)
    return LiveReport(
        settings=settings,
        quiet=in_quiet,
        crowded=in_crowd,
        ratio=in_crowd.calls_per_interaction / (in_quiet.calls_per_interaction or 1.0),
        waste=sum(in_crowd.audit.paid.values()) / (sum(in_crowd.audit.needed.values()) or 1),
    )


def draw_records(
    settings: LiveSettings, users: Sequence[str], items: Sequence[str]
) -> list[LiveRecord]:
    """Draw users alike, and both items by a zipf law; who is popular is drawn too."""
    chance = draw(settings.seed, "bench live")
    ranked = chance.sample(items, len(items))
    shares = list(accumulate(rank**-settings.skew for rank in range(1, len(ranked) + 1)))
    records = []
    for number in range(settings.records):
        positive = negative = chance.choices(ranked, cum_weights=shares)[0]
        while negative == positive:
            negative = chance.choices(ranked, cum_weights=shares)[0]
        user = chance.choice(users)
        records.append(
            LiveRecord(id=f"live-{number}", user=user, positive=positive, negative=negative)
        )
    return records


@asynccontextmanager
async def _networks(recnet: RecNet, settings: LiveSettings) -> AsyncIterator[tuple[str, str, str]]:
    """Bootstrap a network and copy it twice; all three are dropped at the end."""
    base = f"bench-live-{uuid4().hex[:8]}"
    names = (base, f"{base}-quiet", f"{base}-crowded")
    made = []
    world = plant_world(
        World(seed=settings.seed, users=settings.users, items=settings.items)
    ).dataset
    network_settings = NetworkSettings(seed=settings.seed, update_size=settings.update_size)
    try:
        await recnet.load(base, world)
        made.append(base)
        await recnet.network(base).bootstrap(network_settings)
        for name in names[1:]:
            await recnet.network(base).copy(name)
            made.append(name)
        yield names
    finally:
        for name in made:
            await recnet.network(name).drop()


async def _watch(
    recnet: RecNet, name: str, records: Sequence[LiveRecord], run: Awaitable[Fed]
) -> LiveRun:
    before = await count_deadlocks(recnet)
    fed = await run
    audit = await audit_network(recnet, name, {record.id for record in records})
    return LiveRun(
        fed=fed,
        audit=audit,
        deadlocks=await count_deadlocks(recnet) - before,
        calls_per_interaction=sum(audit.paid.values()) / max(audit.finished, 1),
        per_second=audit.finished / fed.seconds,
    )


async def _keys(recnet: RecNet, name: str) -> tuple[list[str], list[str]]:
    network = await recnet.network(name).record()
    async with recnet.resources.pool.connection() as conn:
        users = await list_clients(conn, network.id, ClientKind.USER)
        items = await list_clients(conn, network.id, ClientKind.ITEM)
    return [user.key for user in users], [item.key for item in items]
