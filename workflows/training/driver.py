"""Training: the records of a network's data set, fed once each, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from state.dataset import Split
from state.domain import ClientKind, Frozen
from state.graphs.interaction import InteractionOutput
from state.store.clients import list_clients
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.networks import NetworkRecord
from state.store.routers import count_routers
from state.store.usage import UsageTotal, count_steps, sum_usage
from workflows.network_lock import only_trainer
from workflows.recnet import RecNet
from workflows.training.recovery import with_database_recovery
from workflows.training.schedule import Record, plan_records
from workflows.training.stream import DEFAULT_CONCURRENCY, train_stream
from workflows.usage import mark_usage_now, usage_since

FIT: dict[str, frozenset[Split]] = {
    "train": frozenset({Split.TRAIN}),
    "train+valid": frozenset({Split.TRAIN, Split.VALID}),
}
"""What a network is fitted on: `train` before choices, both before the last reading."""


class Progress(Frozen):
    """How far a training run is."""

    records: int
    done: int
    failed: int
    reward: float
    """Mean reward of what was learned so far."""
    calls: int
    routers: int


class TrainingReport(Frozen):
    """What a training run did, and what the network came to."""

    network: str
    records: int
    """Records of the stream."""
    settled: int
    """Records that were learned from or failed, now or before."""
    run: int
    """Records that were run now; the others had been settled before."""
    failed: int
    reward: float | None
    calls: int
    """Calls of all interactions that were paid for here, without router updates."""
    calls_per_interaction: float | None
    update_calls: int
    """Calls of all router updates."""
    input_tokens: int
    """Of all interactions and router updates that were paid for here."""
    output_tokens: int
    windows: int
    """Router updates that were paid for here; those of the network it is a copy of are not."""
    routers: int
    retired: int
    seconds: float
    usage: tuple[UsageTotal, ...] = ()
    """What this run paid for in this network, by prompt."""
    stopped: str = ""
    """The limit of the budget that ended the run before its records did."""


async def train(
    recnet: RecNet,
    name: str,
    *,
    fit: str = "train+valid",
    concurrency: int = DEFAULT_CONCURRENCY,
    limit: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> TrainingReport:
    """Feed the training records of a network in order; what was settled before costs nothing.

    Records of one window that share no client run at once; the network is the same as one after
    another.

    Args:
        recnet: the open façade.
        name: the network.
        fit: `train`, or `train+valid`.
        concurrency: interactions under way at the most. Calls have a limit of their own,
            `RECNET_CALLS_IN_FLIGHT`.
        limit: run at most so many records now. A budget that is spent ends the run too: no record
            is begun any more.
        on_progress: told before the first record and after each.

    A database that goes away is waited for (`with_database_recovery`).

    Raises:
        NetworkError: not bootstrapped, or another process is training this network.
        InputError: another method has trained this network.
    """
    network = await recnet.trainable(name)
    mark = await mark_usage_now(recnet)
    began = perf_counter()
    run = _Run(recnet, network, FIT[fit], concurrency, limit, on_progress)
    await with_database_recovery(recnet, run.go_on, lambda: run.done)
    report = await _report(recnet, network, FIT[fit], run.done, perf_counter() - began)
    return report.model_copy(update={"usage": await usage_since(recnet, mark, network)})


@dataclass(slots=True)
class _Run:
    """One run of `train`, which an outage of the database may cut into several."""

    recnet: RecNet
    network: NetworkRecord
    splits: frozenset[Split]
    concurrency: int
    limit: int | None
    on_progress: Callable[[Progress], None]
    done: int = 0
    """Records that were settled since the run began."""
    before: int | None = None
    """Records that had been settled by then."""

    async def go_on(self) -> None:
        """Feed what is not settled, as the only trainer."""
        async with only_trainer(self.recnet.resources, self.network) as hold:
            records, rewards = await read_settled(self.recnet, self.network, self.splits)
            if self.before is None:
                self.before = len(rewards)
            self.done = len(rewards) - self.before  # what an outage cut off may be settled
            tally = _Tally(self.recnet, self.network, len(records), rewards)
            await tally.tell(self.on_progress)

            async def settled(_: Record, out: InteractionOutput) -> None:
                self.done += 1
                tally.add(None if out.get("failure") else out["reward"])
                await tally.tell(self.on_progress)

            await train_stream(
                self.recnet,
                self.network,
                [record for record in records if record.id not in rewards],
                hold,
                at_once=self.concurrency,
                limit=None if self.limit is None else self.limit - self.done,
                on_settled=settled,
            )


async def plan_training(
    recnet: RecNet, network: NetworkRecord, splits: frozenset[Split]
) -> list[Record]:
    """Return the training records of a network in order."""
    async with recnet.resources.pool.connection() as conn:
        events = await read_events(conn, network.id)
        items = await list_clients(conn, network.id, ClientKind.ITEM)
    return plan_records(
        network.dataset, events, [item.id for item in items], splits, network.settings.seed
    )


async def read_settled(
    recnet: RecNet, network: NetworkRecord, splits: frozenset[Split]
) -> tuple[list[Record], dict[str, int | None]]:
    """Return the training records in order, and the rewards of those settled; None: it failed."""
    records = await plan_training(recnet, network, splits)
    async with recnet.resources.pool.connection() as conn:
        done = await list_interactions(conn, network.id)
    planned = {record.id for record in records}
    return records, {i.id: i.reward for i in done if i.id in planned}


class _Tally:
    """What a progress bar shows."""

    def __init__(
        self, recnet: RecNet, network: NetworkRecord, records: int, settled: dict[str, int | None]
    ) -> None:
        self._recnet = recnet
        self._network = network
        self._records = records
        self._rewards = [reward for reward in settled.values() if reward is not None]
        self._failed = len(settled) - len(self._rewards)

    def add(self, reward: int | None) -> None:
        if reward is None:
            self._failed += 1
        else:
            self._rewards.append(reward)

    async def tell(self, on_progress: Callable[[Progress], None]) -> None:
        async with self._recnet.resources.pool.connection() as conn:
            routers, _ = await count_routers(conn, self._network.id)
        learned = len(self._rewards)
        on_progress(
            Progress(
                records=self._records,
                done=learned + self._failed,
                failed=self._failed,
                reward=sum(self._rewards) / learned if learned else 0.0,
                calls=self._recnet.resources.budget.calls,
                routers=routers,
            )
        )


async def _report(
    recnet: RecNet, network: NetworkRecord, splits: frozenset[Split], run: int, seconds: float
) -> TrainingReport:
    records, settled = await read_settled(recnet, network, splits)
    async with recnet.resources.pool.connection() as conn:
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
        stopped=recnet.resources.budget.spent() if len(settled) < len(records) else "",
    )
