"""The usage of a piece of work."""

from nodes.resources import Resources
from state.store.networks import NetworkRecord
from state.store.usage import UsageTotal, mark_usage, sum_usage


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
