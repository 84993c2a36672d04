"""Run failed interactions again."""

from collections.abc import Callable, Sequence

from state.domain import KEY_LENGTH, Frozen, clean_line
from state.errors import InputError
from state.graphs.interaction import InteractionOutput
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.usage import UsageTotal
from workflows.network_lock import network_lock
from workflows.training.recovery import with_database_recovery
from workflows.training.schedule import Record, identity
from workflows.training.stream import train_stream
from workflows.training.trainer import Trainer
from workflows.usage import mark_usage_now, usage_since


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


async def retry_failed(
    trainer: Trainer,
    identities: Sequence[str],
    *,
    concurrency: int,
    started: Callable[[int], Callable[[], None]],
) -> RetryReport:
    """Run failed interactions again, training records first, in order; see `Network.retry`.

    One that succeeds replaces its failure, and its clients join the pending set now.
    """
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
