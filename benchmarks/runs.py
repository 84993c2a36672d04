"""One training run at a fixed latency, beside its floor and the same calls made in stages."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Self

from pydantic import Field

from benchmarks.floor import (
    WindowWork,
    batched_stages,
    floor,
    floor_with_barriers,
    in_series,
    sound_stages,
)
from benchmarks.grid import Setting
from benchmarks.replay import replay
from benchmarks.work import read_work
from prompts.llm.client import ModelClient
from state.domain import Fault, Frozen
from state.errors import RecNetError
from state.store.usage import add_totals, sum_usage
from workflows.recnet import RecNet
from workflows.training.driver import FIT, Fit, Progress, plan_training
from workflows.training.schedule import cut_windows

BATCH = 20
"""Records that AgentCF's code feeds at once."""
_FIT: Fit = "train+valid"

WriteMessage = Callable[[Progress], None]


class InStages(Frozen):
    """The calls of a run, made again in stages each of which waits for its slowest."""

    least: float
    """Seconds, were there nothing but the calls."""
    seconds: float | None = None
    """As measured; nothing was read or stored."""


class TrainingRun(Setting):
    """What became of one run; all lengths are seconds."""

    updates: int
    """Router updates."""
    calls: int
    faults: dict[Fault, int] = Field(description="For which requests were made again.")
    seconds: float
    floor: float = Field(description="The longest chain of calls, or all calls over the limit.")
    floor_with_barriers: float = Field(description="The same, summed window by window.")
    batched: InStages = Field(description="In batches of 20, whoever shares a client.")
    sound: InStages = Field(description="In batches that leave the network as it is.")
    digest: str

    @property
    def in_series(self) -> float:
        """Seconds that the calls alone would take one after another."""
        return self.calls * self.latency

    async def replayed(self, caller: ModelClient, works: Sequence[WindowWork]) -> Self:
        """Return the run with its calls made again in stages."""
        batched = await replay(caller, batched_stages(works, BATCH))
        sound = await replay(caller, sound_stages(works, BATCH))
        return self.model_copy(
            update={
                "batched": self.batched.model_copy(update={"seconds": batched}),
                "sound": self.sound.model_copy(update={"seconds": sound}),
            }
        )


async def whole_windows(recnet: RecNet, name: str, update_size: int, wanted: int) -> int:
    """Return the records of the fewest whole windows with `wanted`, or of all there are."""
    records = await plan_training(recnet.resources, await recnet.network(name).record(), FIT[_FIT])
    count = 0
    for window in cut_windows(records, update_size):
        if count >= wanted:
            break
        count += len(window)
    return count


async def learn(
    recnet: RecNet, name: str, records: int, concurrency: int, tell: WriteMessage
) -> float:
    """Train a network on its next records, and return the seconds it took.

    Raises:
        RecNetError: a record failed, or there are not so many.
    """
    began = perf_counter()
    report = await recnet.network(name).train(
        fit=_FIT, concurrency=concurrency, limit=records, on_progress=tell
    )
    seconds = perf_counter() - began
    if report.failed or report.run != records:
        raise RecNetError(
            f"{report.run} of {records} records were run, {report.failed} have failed: "
            "a benchmark needs sound ones"
        )
    return seconds


async def tell_run(
    recnet: RecNet, name: str, setting: Setting, seconds: float
) -> tuple[TrainingRun, list[WindowWork]]:
    """Return a run that took so long with its floors, and what it called."""
    network = await recnet.network(name).record()
    records = await plan_training(recnet.resources, network, FIT[_FIT])
    async with recnet.resources.pool.connection() as conn:
        works = await read_work(conn, network, records[: setting.records])
        paid = add_totals(await sum_usage(conn, network.id), name)
    limit = setting.concurrency

    def staged(stages: Sequence[int]) -> InStages:
        return InStages(least=in_series(stages, limit) * setting.latency)

    run = TrainingRun(
        **setting.model_dump(),
        updates=sum(any(work.update) for work in works),
        calls=sum(work.calls for work in works),
        faults=paid.faults,
        seconds=seconds,
        floor=floor(works, limit) * setting.latency,
        floor_with_barriers=floor_with_barriers(works, limit) * setting.latency,
        batched=staged(batched_stages(works, BATCH)),
        sound=staged(sound_stages(works, BATCH)),
        digest=await recnet.network(name).digest(),
    )
    return run, works


def require_same(run: TrainingRun, digest: str) -> None:
    """Refuse a run that gave another network than one record after another gives.

    Raises:
        RecNetError: it did; its figures would be worth nothing.
    """
    if run.digest != digest:
        raise RecNetError(
            f"NOT THE SAME NETWORK: {run} and {run.records} records gave the digest {run.digest}, "
            f"but one record after another {digest}"
        )
