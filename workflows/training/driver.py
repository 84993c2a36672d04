"""Training: learn from each training record once, run failed ones again, and report."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Literal

from nodes.resources import Resources
from state.dataset import Split
from state.domain import KEY_LENGTH, ClientKind, Frozen, clean_line
from state.errors import InputError
from state.graphs.interaction import InteractionOutput
from state.store.clients import list_clients
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.networks import NetworkRecord
from state.store.routers import count_routers
from state.store.usage import UsageTotal, count_steps, mark_usage, sum_usage
from workflows.network_lock import network_lock
from workflows.training.recovery import with_database_recovery
from workflows.training.schedule import Record, identity, plan_records
from workflows.training.stream import train_stream
from workflows.training.trainer import Trainer

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


class RetryReport(Frozen):
    """The outcome of the interactions that were run again."""

    network: str
    run: int
    learned: int
    failed: dict[str, str]
    """Reasons by id, of those that failed again."""
    stopped: str = ""
    """The budget limit that ended the run early; empty if none did."""
    usage: tuple[UsageTotal, ...] = ()
    """Calls of this run, by prompt."""


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
    mark, began = await mark_usage_now(resources), perf_counter()
    rewards: dict[str, int | None] = {}
    before: int | None = None

    def done() -> int:
        return 0 if before is None else len(rewards) - before

    async def show_progress(records: int) -> None:
        async with resources.pool.connection() as conn:
            routers, _ = await count_routers(conn, network.id)
        learned = [reward for reward in rewards.values() if reward is not None]
        on_progress(
            Progress(
                records=records,
                done=len(rewards),
                failed=len(rewards) - len(learned),
                reward=sum(learned) / len(learned) if learned else 0.0,
                calls=resources.budget.calls,
                routers=routers,
            )
        )

    async def resume() -> None:
        nonlocal rewards, before
        async with network_lock(resources, network) as lock:
            # Read again each time: a record may be settled just as the database goes away.
            records, rewards = await read_settled(resources, network, FIT[fit])
            left = [record for record in records if record.id not in rewards]
            before = len(rewards) if before is None else before
            await show_progress(len(records))

            async def settled(record: Record, out: InteractionOutput) -> None:
                rewards[record.id] = None if out.get("failure") else out["reward"]
                await show_progress(len(records))

            rest = None if limit is None else limit - done()
            await train_stream(
                trainer, left, lock, concurrency=concurrency, limit=rest, on_settled=settled
            )

    await with_database_recovery(resources, resume, done)
    report = await _report(resources, network, FIT[fit], done(), perf_counter() - began)
    return report.model_copy(update={"usage": await usage_since(resources, mark, network)})


async def retry(
    trainer: Trainer,
    identities: Sequence[str],
    *,
    concurrency: int,
    started: Callable[[int], Callable[[], None]],
) -> RetryReport:
    """Run failed interactions again, training records first, in order; see `Network.retry`."""
    await trainer.require_trainable()
    resources, network = trainer.resources, trainer.network
    mark = await mark_usage_now(resources)
    failed = await _failed(trainer, identities)
    advance = started(len(failed)) if failed else lambda: None
    ended: dict[str, str] = {}

    async def settled(record: Record, out: InteractionOutput) -> None:
        ended[record.id] = out.get("failure", "")
        advance()

    async def resume() -> None:
        async with network_lock(resources, network) as lock:
            still = {record.id for record in await _failed(trainer, ())}
            left = [record for record in failed if record.id in still - ended.keys()]
            await train_stream(trainer, left, lock, concurrency=concurrency, on_settled=settled)

    await with_database_recovery(resources, resume, lambda: len(ended))
    reasons = {one: why for one, why in ended.items() if why}
    return RetryReport(
        network=network.name,
        run=len(ended),
        learned=len(ended) - len(reasons),
        failed=reasons,
        stopped=resources.budget.spent() if len(ended) < len(failed) else "",
        usage=await usage_since(resources, mark, network),
    )


async def _failed(trainer: Trainer, identities: Sequence[str]) -> list[Record]:
    async with trainer.resources.pool.connection() as conn:
        settled = {one.id: one for one in await list_interactions(conn, trainer.network.id)}
        events = await read_events(conn, trainer.network.id)
    identities = [clean_line(one, KEY_LENGTH) for one in identities]
    for one in identities:
        if one not in settled:
            raise InputError(f"no interaction '{one}' in network '{trainer.network.name}'")
        if not settled[one].failure:
            raise InputError(f"interaction '{one}' did not fail: it was learned from")
    wanted = set(identities) or settled.keys()
    # Training records in their order; live ones in the order in which they failed.
    order = [identity(trainer.network.dataset, event.position) for event in events]
    return [
        Record(id=i.id, user=i.user_id, positive=i.positive_id, negative=i.negative_id)
        for i in (settled[one] for one in dict.fromkeys([*order, *settled]) if one in settled)
        if i.failure and i.id in wanted
    ]


async def plan_training(
    resources: Resources, network: NetworkRecord, splits: frozenset[Split]
) -> list[Record]:
    """Return the training records of a network in order."""
    async with resources.pool.connection() as conn:
        events = await read_events(conn, network.id)
        clients = await list_clients(conn, network.id)
    items = [client.id for client in clients if client.kind is ClientKind.ITEM]
    keys = {client.id: client.key for client in clients}
    return plan_records(network.dataset, events, items, splits, network.settings.seed, keys)


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


async def mark_usage_now(resources: Resources) -> int:
    """Return the mark from which `usage_since` sums."""
    async with resources.pool.connection() as conn:
        return await mark_usage(conn)


async def usage_since(
    resources: Resources, mark: int, network: NetworkRecord | None = None
) -> tuple[UsageTotal, ...]:
    """Return the calls of this process since a mark, by prompt, in one network or in all."""
    if not resources.runs:
        return ()
    (run,) = resources.runs
    async with resources.pool.connection() as conn:
        found = await sum_usage(conn, network.id if network else None, run=run, since=mark)
    return tuple(found)
