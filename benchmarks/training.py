"""Training at a fixed latency of the model, compared with the least time that its calls can take.

One network is bootstrapped; each run trains a copy of it. Every run must end with the digest of the
run that learns one record after another, or the benchmark fails.
"""

import os
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from time import perf_counter
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import Field, PositiveInt, SecretStr, ValidationInfo, field_validator

from benchmarks.bounds import lower_bound, windowed_lower_bound
from benchmarks.calls import read_calls_of_windows
from benchmarks.server_process import serve_in_process
from evals.tables import markdown_table
from prompts.llm.models import OFFLINE
from state.dataset import Dataset
from state.domain import Frozen
from state.errors import RecNetError
from state.settings import NetworkSettings, Settings
from tests.support.model_server.settings import ModelServerSettings
from workflows.recnet import RecNet
from workflows.training.driver import FIT, Fit, plan_training
from workflows.training.schedule import cut_windows

_FIT: Fit = "train+valid"
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
"""Replaces the settings that would change the calls; the process may set the others."""


class RunSettings(Frozen):
    """One training run to be measured."""

    model: Literal["in process", "over HTTP"] = "over HTTP"
    latency: float
    """Seconds of each call."""
    update_size: int
    concurrency: int
    """The limit of interactions, and of calls, at the same time."""
    records: int

    def __str__(self) -> str:
        return (
            f"{self.model}, {self.latency:g} s, update_size {self.update_size}, "
            f"concurrency {self.concurrency}"
        )


class Grid(Frozen):
    """The runs of one benchmark: each latency with each update_size and each concurrency."""

    latencies: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = (0.2, 1.0)
    """Seconds of each call. A run without latency is added."""
    update_sizes: tuple[PositiveInt, ...] = Field(default=(20, 40, 100), min_length=1)
    concurrencies: tuple[PositiveInt, ...] = Field(default=(1, 8, 32), min_length=1)
    records: tuple[PositiveInt, ...] = Field(default=(10, 60, 120), validate_default=True)
    """One number for each concurrency; above a concurrency of one rounded up to whole windows."""

    @field_validator("records")
    @classmethod
    def _one_for_each(cls, records: tuple[int, ...], others: ValidationInfo) -> tuple[int, ...]:
        concurrencies = others.data.get("concurrencies", records)
        if len(records) != len(concurrencies):
            raise ValueError(f"give one number for each of {len(concurrencies)} concurrencies")
        return records

    @property
    def size(self) -> int:
        """The number of runs."""
        served = (1 + len(self.latencies)) * len(self.concurrencies)
        return len(self.update_sizes) * (1 + served)


QUICK = Grid(latencies=(0.2,), update_sizes=(20, 40), records=(3, 14, 14))
"""A try of a minute or two."""


class TrainingRun(RunSettings):
    """The result of one run; all lengths are seconds."""

    updates: int
    """Router updates."""
    calls: int
    seconds: float
    lower_bound: float = Field(description="The longest chain of calls, or all over the limit.")
    windowed_lower_bound: float = Field(description="The same, summed window by window.")
    digest: str


class TrainingResults(Frozen):
    """All that was measured."""

    dataset: str
    machine: str
    runs: tuple[TrainingRun, ...]

    def markdown(self) -> str:
        """Return one table: runs with latency, and the program's own time without."""
        header = (
            "latency (s)", "model", "update_size", "concurrency", "records", "updates", "calls",
            "seconds", "lower bound", "× bound", "ms an interaction",
        )  # fmt: skip
        rows = [
            (
                f"{run.latency:g}", run.model, run.update_size, run.concurrency, run.records,
                run.updates, run.calls, f"{run.seconds:.1f}",
                *(
                    (
                        f"{run.windowed_lower_bound:.1f}",
                        f"{run.seconds / run.windowed_lower_bound:.2f}",
                    )
                    if run.latency
                    else ("", "")
                ),
                f"{1000 * run.seconds / run.records:.0f}",
            )
            for run in self.runs
        ]  # fmt: skip
        table = "\n".join(markdown_table([header, *(list(map(str, row)) for row in rows)]))
        return (
            f"# Training at a fixed latency\n\nData set {self.dataset}; {self.machine}.\n\n"
            f"{table}\n"
        )


Notify = Callable[[int, str], None]
"""Called with the number of finished runs and the current one."""


async def measure_training(
    settings: Settings, dataset: Dataset, grid: Grid, tell: Notify
) -> TrainingResults:
    """Bootstrap a data set, train a copy of it for each run, and drop all networks.

    Raises:
        RecNetError: two runs on the same records gave different networks, or a record failed.
    """
    benchmark = _Benchmark(settings.model_copy(update=_PLAIN), grid, tell)
    async with benchmark.bootstrapped(dataset):
        for size in grid.update_sizes:
            await benchmark.run_in_process(size)
        for latency in (0.0, *grid.latencies):
            with serve_in_process(ModelServerSettings(latency=latency)) as url:
                for size in grid.update_sizes:
                    for concurrency in grid.concurrencies:
                        await benchmark.run_over_http(url, latency, size, concurrency)
    return TrainingResults(
        dataset=dataset.name,
        machine=f"{os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}",
        runs=tuple(benchmark.runs),
    )


class _Benchmark:
    """The runs of one benchmark so far."""

    def __init__(self, settings: Settings, grid: Grid, tell: Notify) -> None:
        self.runs: list[TrainingRun] = []
        self._settings = settings
        self._grid = grid
        self._tell = tell
        self._source = f"bench-train-{uuid4().hex[:8]}"
        self._records: dict[tuple[int, int], int] = {}
        """By update_size and concurrency."""
        self._digests: dict[tuple[int, int], str] = {}
        """By update_size and records: the digest after learning one record after another."""

    @asynccontextmanager
    async def bootstrapped(self, dataset: Dataset) -> AsyncIterator[None]:
        """Keep a bootstrapped network to copy; drop it and its copies at the end."""
        self._tell(0, f"bootstrap of {dataset.name}")
        try:
            async with RecNet.open(self._settings, command="bench train") as recnet:
                await recnet.load(self._source, dataset)
                await recnet.network(self._source).bootstrap(NetworkSettings())
                wanted = dict(zip(self._grid.concurrencies, self._grid.records, strict=True))
                for size in self._grid.update_sizes:
                    for concurrency, records in wanted.items():
                        # One by one, no call waits for another one, so any window size will do.
                        window = size if concurrency > 1 else 1
                        count = await count_whole_windows(recnet, self._source, window, records)
                        self._records[size, concurrency] = count
            yield
        finally:
            async with RecNet.open(self._settings, command="bench train") as recnet:
                for network in await recnet.networks():
                    if network.name.startswith(self._source):
                        await network.drop()

    async def run_in_process(self, size: int) -> None:
        """Train in sequence with the model in process; the other digests must equal these."""
        counts = sorted({count for (of, _), count in self._records.items() if of == size})
        setting = RunSettings(
            model="in process", latency=0, update_size=size, concurrency=1, records=counts[-1]
        )
        async with RecNet.open(self._settings, command="bench train") as recnet:
            name = await self._copy(recnet, setting)
            seconds = 0.0
            for done, count in pairwise((0, *counts)):
                seconds += await time_training(recnet, name, count - done, concurrency=1)
                self._digests[size, count] = await recnet.network(name).digest()
            self.runs.append(await _result(recnet, name, setting, seconds))

    async def run_over_http(self, url: str, latency: float, size: int, concurrency: int) -> None:
        """Train a copy with the model at `url`."""
        records = self._records[size, concurrency]
        setting = RunSettings(
            latency=latency, update_size=size, concurrency=concurrency, records=records
        )
        served = {
            "model": _SERVED,
            "base_url": url,
            "api_key": SecretStr("any"),
            "max_concurrent_calls": concurrency,
        }
        settings = self._settings.model_copy(update=served)
        async with RecNet.open(settings, command="bench train") as recnet:
            name = await self._copy(recnet, setting)
            seconds = await time_training(recnet, name, records, concurrency)
            run = await _result(recnet, name, setting, seconds)
            await recnet.network(name).drop()
        expected = self._digests[size, run.records]
        if run.digest != expected:
            raise RecNetError(
                f"NOT THE SAME NETWORK: {run} and {run.records} records gave the digest "
                f"{run.digest}, but one record after another {expected}"
            )
        self.runs.append(run)

    async def _copy(self, recnet: RecNet, setting: RunSettings) -> str:
        self._tell(len(self.runs), str(setting))
        name = f"{self._source}-{len(self.runs)}"
        await recnet.network(self._source).copy(name, update_size=setting.update_size)
        return name


async def count_whole_windows(recnet: RecNet, name: str, update_size: int, wanted: int) -> int:
    """Return the number of records in the fewest whole windows with `wanted`, or in all windows."""
    records = await plan_training(recnet.resources, await recnet.network(name).record(), FIT[_FIT])
    count = 0
    for window in cut_windows(records, update_size):
        if count >= wanted:
            break
        count += len(window)
    return count


async def time_training(recnet: RecNet, name: str, records: int, concurrency: int) -> float:
    """Train a network on its next records, and return the seconds it took.

    Raises:
        RecNetError: a record failed, or there are too few records.
    """
    began = perf_counter()
    report = await recnet.network(name).train(fit=_FIT, concurrency=concurrency, limit=records)
    seconds = perf_counter() - began
    if report.failed or report.run != records:
        raise RecNetError(f"{report.run} of {records} records were run, {report.failed} failed")
    return seconds


async def _result(recnet: RecNet, name: str, setting: RunSettings, seconds: float) -> TrainingRun:
    network = await recnet.network(name).record()
    records = await plan_training(recnet.resources, network, FIT[_FIT])
    async with recnet.resources.pool.connection() as conn:
        windows = await read_calls_of_windows(conn, network, records[: setting.records])
    limit, latency = setting.concurrency, setting.latency
    return TrainingRun(
        **setting.model_dump(),
        updates=sum(any(window.update) for window in windows),
        calls=sum(window.calls for window in windows),
        seconds=seconds,
        lower_bound=lower_bound(windows, limit) * latency,
        windowed_lower_bound=windowed_lower_bound(windows, limit) * latency,
        digest=await recnet.network(name).digest(),
    )
