"""Training: learn from each training record of a network's data set once, and report."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

from nodes.resources import Resources
from state.dataset import Split
from state.domain import ClientKind, Frozen
from state.graphs.interaction import InteractionOutput
from state.store.clients import list_clients
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.networks import NetworkRecord
from state.store.routers import count_routers
from state.store.usage import UsageTotal, count_steps, sum_usage
from workflows.network_lock import network_lock
from workflows.training.recovery import with_database_recovery
from workflows.training.schedule import Record, plan_records
from workflows.training.stream import train_stream
from workflows.training.trainer import Trainer
from workflows.usage import mark_usage_now, usage_since

Fit = Literal["train", "train+valid"]
"""The splits to learn from: `train` before choices are made on validation, both before the test."""

FIT: dict[Fit, frozenset[Split]] = {
    "train": frozenset({Split.TRAIN}),
    "train+valid": frozenset({Split.TRAIN, Split.VALID}),
}


class Progress(Frozen):
    """The progress of a training run."""

    records: int
    done: int
    failed: int
    reward: float
    """Mean reward so far."""
    calls: int
    routers: int


class TrainingReport(Frozen):
    """What a training run did, and the state of the network after it."""

    network: str
    records: int
    """Training records of the network."""
    settled: int
    """Records that were learned from or failed, now or before."""
    run: int
    """Records that were run now; the others were settled before."""
    failed: int
    reward: float | None
    calls: int
    """Calls of all interactions of this network, without router updates."""
    calls_per_interaction: float | None
    update_calls: int
    """Calls of all router updates."""
    input_tokens: int
    """Of all interactions and router updates."""
    output_tokens: int
    windows: int
    """Router updates, without those of the network that this one is a copy of."""
    routers: int
    retired: int
    seconds: float
    usage: tuple[UsageTotal, ...] = ()
    """Calls of this run, by prompt."""
    stopped: str = ""
    """The budget limit that ended the run early; empty if none did."""


async def train(
    trainer: Trainer,
    *,
    fit: Fit,
    concurrency: int,
    limit: int | None,
    on_progress: Callable[[Progress], None],
) -> TrainingReport:
    """Learn from the training records of a network; see `workflows.network.Network.train`."""
    await trainer.require_trainable()
    resources, network = trainer.resources, trainer.network
    mark = await mark_usage_now(resources)
    began = perf_counter()
    run = _Run(trainer, FIT[fit], concurrency, limit, on_progress)
    await with_database_recovery(resources, run.resume, lambda: run.done)
    report = await _report(resources, network, FIT[fit], run.done, perf_counter() - began)
    return report.model_copy(update={"usage": await usage_since(resources, mark, network)})


@dataclass(slots=True)
class _Run:
    """One run of `train`, which is resumed when a lost database comes back."""

    trainer: Trainer
    splits: frozenset[Split]
    concurrency: int
    limit: int | None
    on_progress: Callable[[Progress], None]
    done: int = 0
    """Records settled since the run began."""
    before: int | None = None
    """Records settled before it began."""

    async def resume(self) -> None:
        """Learn from the records that are not settled, as the network's only trainer."""
        resources, network = self.trainer.resources, self.trainer.network
        async with network_lock(resources, network) as lock:
            records, rewards = await read_settled(resources, network, self.splits)
            left = [record for record in records if record.id not in rewards]
            if self.before is None:
                self.before = len(rewards)
            self.done = len(rewards) - self.before  # a record may be settled as the database goes
            await self._show_progress(len(records), rewards)

            async def settled(record: Record, out: InteractionOutput) -> None:
                self.done += 1
                rewards[record.id] = None if out.get("failure") else out["reward"]
                await self._show_progress(len(records), rewards)

            await train_stream(
                self.trainer,
                left,
                lock,
                concurrency=self.concurrency,
                limit=None if self.limit is None else self.limit - self.done,
                on_settled=settled,
            )

    async def _show_progress(self, records: int, rewards: dict[str, int | None]) -> None:
        resources = self.trainer.resources
        async with resources.pool.connection() as conn:
            routers, _ = await count_routers(conn, self.trainer.network.id)
        learned = [reward for reward in rewards.values() if reward is not None]
        self.on_progress(
            Progress(
                records=records,
                done=len(rewards),
                failed=len(rewards) - len(learned),
                reward=sum(learned) / len(learned) if learned else 0.0,
                calls=resources.budget.calls,
                routers=routers,
            )
        )


async def plan_training(
    resources: Resources, network: NetworkRecord, splits: frozenset[Split]
) -> list[Record]:
    """Return the training records of a network in order."""
    async with resources.pool.connection() as conn:
        events = await read_events(conn, network.id)
        items = await list_clients(conn, network.id, ClientKind.ITEM)
    return plan_records(
        network.dataset, events, [item.id for item in items], splits, network.settings.seed
    )


async def read_settled(
    resources: Resources, network: NetworkRecord, splits: frozenset[Split]
) -> tuple[list[Record], dict[str, int | None]]:
    """Return the training records in order, and the rewards of those settled; None: it failed."""
    records = await plan_training(resources, network, splits)
    async with resources.pool.connection() as conn:
        done = await list_interactions(conn, network.id)
    planned = {record.id for record in records}
    return records, {i.id: i.reward for i in done if i.id in planned}


async def _report(
    resources: Resources, network: NetworkRecord, splits: frozenset[Split], run: int, seconds: float
) -> TrainingReport:
    records, settled = await read_settled(resources, network, splits)
    async with resources.pool.connection() as conn:
        usage = await sum_usage(conn, network.id, "interactions")
        paid = await count_steps(conn, network.id, "interactions")
        updates = await sum_usage(conn, network.id, "updates")
        routers, retired = await count_routers(conn, network.id)
        windows = await count_steps(conn, network.id, "updates")
    rewards = [reward for reward in settled.values() if reward is not None]
    calls = sum(total.calls for total in usage)
    return TrainingReport(
        network=network.name,
        records=len(records),
        settled=len(settled),
        run=run,
        failed=len(settled) - len(rewards),
        reward=sum(rewards) / len(rewards) if rewards else None,
        calls=calls,
        calls_per_interaction=calls / paid if paid else None,
        update_calls=sum(total.calls for total in updates),
        input_tokens=sum(total.input_tokens for total in (*usage, *updates)),
        output_tokens=sum(total.output_tokens for total in (*usage, *updates)),
        windows=windows,
        routers=routers,
        retired=retired,
        seconds=seconds,
        stopped=resources.budget.spent() if len(settled) < len(records) else "",
    )
