"""The training benchmark: copies of one bootstrapped network, and every digest compared."""

import os
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from uuid import uuid4

from pydantic import SecretStr

from benchmarks.grid import Grid, Setting
from benchmarks.runs import TrainingRun, learn, require_same, tell_run, whole_windows
from benchmarks.server_process import serve_in_process
from benchmarks.storage import Stored, measure_storage, pack_storage
from prompts.llm.models import OFFLINE
from state.dataset import Dataset
from state.domain import Frozen
from state.settings import NetworkSettings, Settings
from state.store.networks import list_networks
from tests.support.model_server.settings import ModelServerSettings
from workflows.recnet import RecNet
from workflows.training.driver import Progress

_SERVED = "openai:offline"
_PLAIN = {
    "model": OFFLINE,
    "models": {},
    "embedding": OFFLINE,
    "structured_output": "json_schema",
    "temperature": 0.0,
    "max_tokens": None,
    "model_options": {},
    "templates": None,
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "cache": False,
    "prices": {},
    "budget_calls": None,
    "budget_tokens": None,
    "budget_money": None,
}
"""What would change the calls that are measured; the other settings are those of the process."""

WriteMessage = Callable[[int, str], None]
"""Told how many runs are done, and what is under way."""


class TrainingResults(Frozen):
    """All that was measured."""

    dataset: str
    machine: str
    runs: tuple[TrainingRun, ...]
    """With a model that takes its time."""
    own: tuple[TrainingRun, ...]
    """With a model that answers at once: what the program itself takes."""
    stored: tuple[Stored, ...]


async def measure_training(
    settings: Settings, dataset: Dataset, grid: Grid, tell: WriteMessage
) -> TrainingResults:
    """Bootstrap a data set, train a copy of it for each setting, and drop them all.

    Raises:
        RecNetError: runs on the same records gave different networks, or a record failed.
    """
    measuring = _Measuring(settings.model_copy(update=_PLAIN), grid, tell)
    async with measuring.founded(dataset):
        stored = [await measuring.refer(size) for size in grid.update_sizes]
        for latency in (0.0, *grid.latencies):
            with serve_in_process(ModelServerSettings(latency=latency)) as url:
                for setting in measuring.plan(latency):
                    await measuring.measure(setting, url)
    return TrainingResults(
        dataset=dataset.name,
        machine=f"{os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}",
        runs=tuple(run for run in measuring.runs if run.latency),
        own=tuple(run for run in measuring.runs if not run.latency),
        stored=tuple(stored),
    )


class _Measuring:
    """The runs of one benchmark so far."""

    def __init__(self, settings: Settings, grid: Grid, tell: WriteMessage) -> None:
        self.runs: list[TrainingRun] = []
        self._settings = settings
        self._grid = grid
        self._tell = tell
        self._source = f"bench-train-{uuid4().hex[:8]}"
        self._records: dict[tuple[int, int], int] = {}
        """By update_size and concurrency."""
        self._digests: dict[tuple[int, int], str] = {}
        """By update_size and records: those of one record after another."""

    @asynccontextmanager
    async def founded(self, dataset: Dataset) -> AsyncIterator[None]:
        """Hold the bootstrapped network that every run starts from a copy of."""
        self._tell(0, f"bootstrap of {dataset.name}")
        try:
            async with self._open() as recnet:
                await recnet.load(self._source, dataset)
                await recnet.network(self._source).bootstrap(NetworkSettings())
                await self._count_records(recnet)
            yield
        finally:
            await self._drop_all()

    async def refer(self, size: int) -> Stored:
        """Train one record after another with the model in process; return what that stored.

        Every other run has to give the network that this one is after as many records.
        """
        counts = sorted({count for (of, _), count in self._records.items() if of == size})
        setting = Setting(
            model="in process", latency=0, update_size=size, concurrency=1, records=counts[-1]
        )
        async with self._open() as recnet:
            name = await self._copy(recnet, size)
            await pack_storage(recnet)
            before = await measure_storage(recnet)
            seconds = 0.0
            for done, count in pairwise((0, *counts)):
                seconds += await learn(recnet, name, count - done, 1, self._note(setting))
                self._digests[size, count] = await recnet.network(name).digest()
            stored = (await measure_storage(recnet)).since(before)
            run, _ = await tell_run(recnet, name, setting, seconds)
        self.runs.append(run)
        return Stored(update_size=size, records=setting.records, **dict(stored))

    def plan(self, latency: float) -> list[Setting]:
        """Return what is to be run at a latency."""
        return [
            Setting(
                latency=latency,
                update_size=size,
                concurrency=concurrency,
                records=self._records[size, concurrency if latency else max(self._grid.extremes)],
            )
            for size in self._grid.update_sizes
            for concurrency in (self._grid.concurrencies if latency else self._grid.extremes)
        ]

    async def measure(self, setting: Setting, url: str) -> None:
        """Train a copy with the model at `url`.

        At the lowest latency the same calls are made again in stages; at others it would take long
        and tell no more than how many they are.
        """
        served = {
            "model": _SERVED,
            "base_url": url,
            "api_key": SecretStr("any"),
            "max_concurrent_calls": setting.concurrency,
        }
        note = self._note(setting)
        async with self._open(served) as recnet:
            name = await self._copy(recnet, setting.update_size)
            seconds = await learn(recnet, name, setting.records, setting.concurrency, note)
            run, works = await tell_run(recnet, name, setting, seconds)
            require_same(run, self._digests[run.update_size, run.records])
            if setting.concurrency > 1 and setting.latency == min(self._grid.latencies):
                self._tell(len(self.runs), f"{setting}: the same calls in stages")
                run = await run.replayed(recnet.resources.caller, works)
            await recnet.network(name).drop()
        self.runs.append(run)

    async def _count_records(self, recnet: RecNet) -> None:
        wanted = dict(zip(self._grid.concurrencies, self._grid.records, strict=True))
        for size in self._grid.update_sizes:
            for concurrency, records in wanted.items():
                # Where no call waits for another one anyway, a window that is cut does no harm.
                window = size if concurrency > 1 else 1
                count = await whole_windows(recnet, self._source, window, records)
                self._records[size, concurrency] = count

    async def _copy(self, recnet: RecNet, size: int) -> str:
        name = f"{self._source}-{len(self.runs)}"
        await recnet.network(self._source).copy(name, update_size=size)
        return name

    async def _drop_all(self) -> None:
        async with self._open() as recnet:
            async with recnet.resources.pool.connection() as conn:
                names = [network.name for network in await list_networks(conn)]
            for name in names:
                if name.startswith(self._source):
                    await recnet.network(name).drop()

    def _open(self, more: dict[str, object] | None = None) -> AbstractAsyncContextManager[RecNet]:
        settings = self._settings.model_copy(update=more)
        return RecNet.open(settings, command="bench train")

    def _note(self, setting: Setting) -> Callable[[Progress], None]:
        def note(at: Progress) -> None:
            self._tell(len(self.runs), f"{setting}: {at.done} of {setting.records} records")

        return note
