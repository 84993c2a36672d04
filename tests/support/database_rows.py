"""Read what a network has stored: rows, calls that were paid, clients, traces."""

from collections import Counter
from dataclasses import replace
from typing import Any

from state.domain import Client, ClientKind
from state.store.clients import find_clients, read_clients
from state.store.windows import read_pending
from workflows.recnet import RecNet
from workflows.trace import InteractionTrace, trace_interaction


async def rows(recnet: RecNet, statement: str, *values: object) -> list[dict[str, Any]]:
    """Return the rows of a statement."""
    async with recnet.resources.pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), values)
        return await cursor.fetchall()


async def thread_ids(recnet: RecNet) -> set[str]:
    """Return the checkpoint threads that have any row."""
    found = await rows(
        recnet,
        "SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM checkpoint_blobs "
        "UNION SELECT thread_id FROM checkpoint_writes",
    )
    return {row["thread_id"] for row in found}


def keeping(recnet: RecNet) -> RecNet:
    """Return a `RecNet` on the same resources that deletes no checkpoints."""
    resources = recnet.resources
    settings = resources.settings.model_copy(update={"keep_checkpoints": True})
    return RecNet(replace(resources, settings=settings))


async def calls(recnet: RecNet, network: int, step: str | None = None) -> Counter[str]:
    """Return the calls paid by prompt, of one step or of all."""
    found = await rows(
        recnet,
        "SELECT prompt, sum(attempts)::integer AS calls FROM usage "
        "WHERE network_id = %s AND (%s::text IS NULL OR step = %s) GROUP BY prompt",
        network,
        step,
        step,
    )
    return Counter({row["prompt"]: row["calls"] for row in found})


async def read_record_clients(
    recnet: RecNet, network: int, user: str, positive: str, negative: str
) -> list[Client]:
    """Return the clients of a record as they are now."""
    async with recnet.resources.pool.connection() as conn:
        users = await find_clients(conn, network, ClientKind.USER, [user])
        items = await find_clients(conn, network, ClientKind.ITEM, [positive, negative])
        ids = [users[user], items[positive], items[negative]]
        return await read_clients(conn, network, ids)


async def pending_set(recnet: RecNet, network: int) -> set[int]:
    """Return the pending set."""
    async with recnet.resources.pool.connection() as conn:
        return set(await read_pending(conn, network))


async def trace(recnet: RecNet, interaction: str) -> InteractionTrace:
    """Return the trace of one interaction of the tiny network."""
    network = await recnet.network("tiny").record()
    async with recnet.resources.pool.connection() as conn:
        return await trace_interaction(conn, network, interaction)


async def trace_all(recnet: RecNet) -> dict[str, InteractionTrace]:
    """Return the traces of all interactions."""
    found = await rows(recnet, "SELECT id FROM interactions")
    return {row["id"]: await trace(recnet, row["id"]) for row in found}
