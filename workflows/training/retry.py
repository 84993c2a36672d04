"""Failed interactions, run again."""

from collections.abc import Callable, Sequence

from state.domain import KEY_LENGTH, Frozen, clean_line
from state.errors import InputError
from state.graphs.interaction import InteractionOutput
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.usage import UsageTotal
from workflows.network_lock import network_lock
from workflows.training.recovery import with_database_recovery
from workflows.training.schedule import DEFAULT_CONCURRENCY, Record, identity
from workflows.training.stream import train_stream
from workflows.training.trainer import Trainer
from workflows.usage import mark_usage_now, usage_since


class RetryReport(Frozen):
    """What became of the interactions that were run again."""

    network: str
    run: int
    learned: int
    failed: dict[str, str]
    """Why, by identity, where one failed again."""
    stopped: str = ""
    """The limit of the budget that ended it before all were run."""
    usage: tuple[UsageTotal, ...] = ()
    """What it paid for, by prompt."""


async def retry_failed(
    trainer: Trainer,
    identities: Sequence[str] = (),
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    started: Callable[[int], Callable[[], None]] = lambda _: lambda: None,
) -> RetryReport:
    """Run failed interactions of a network again: its training records first, in their order.

    One that succeeds counts once: it takes the place of its failure, and its clients join the
    pending set as they change now.

    Args:
        trainer: what learns, and on which network.
        identities: which; all that failed where none is named.
        concurrency: interactions under way at the most.
        started: told how many there are; returns what is called after each.

    Raises:
        InputError: an identity is unknown, or did not fail; another method trained this network.
        NetworkError: another process is training this network.
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

    async def go_on() -> None:
        async with network_lock(resources, network) as lock:
            still = {record.id for record in await _failed(trainer, ())}
            left = [record for record in failed if record.id in still - ended.keys()]
            await train_stream(trainer, left, lock, concurrency=concurrency, on_settled=settled)

    await with_database_recovery(resources, go_on, lambda: len(ended))
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
            raise InputError(f"interaction '{one}' did not fail: it is learned already")
    wanted = set(identities) or settled.keys()
    # Which of two training records failed first is chance; live ones come as they failed.
    order = [identity(trainer.network.dataset, event.position) for event in events]
    return [
        Record(id=i.id, user=i.user_id, positive=i.positive_id, negative=i.negative_id)
        for i in (settled[one] for one in dict.fromkeys([*order, *settled]) if one in settled)
        if i.failure and i.id in wanted
    ]
