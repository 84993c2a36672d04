"""What a piece of work has paid for."""

from state.store.networks import NetworkRecord
from state.store.usage import UsageTotal, mark_usage, sum_usage
from workflows.recnet import RecNet


async def mark_usage_now(recnet: RecNet) -> int:
    """Return the mark from which `usage_since` sums."""
    async with recnet.resources.pool.connection() as conn:
        return await mark_usage(conn)


async def usage_since(
    recnet: RecNet, mark: int, network: NetworkRecord | None = None
) -> tuple[UsageTotal, ...]:
    """Return what this process paid for since a mark, by prompt, in one network or in all."""
    if not recnet.resources.runs:
        return ()
    (run,) = recnet.resources.runs
    async with recnet.resources.pool.connection() as conn:
        found = await sum_usage(conn, network.id if network else None, run=run, since=mark)
    return tuple(found)
