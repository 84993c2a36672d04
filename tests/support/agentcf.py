"""Reads for tests of AgentCF: its calls by record, and the tables that it does not write."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from evals.baselines.agentcf.training import agentcf
from state.store.digest import one_moment, read_rows
from tests.support.database_rows import rows
from workflows.network import Network
from workflows.recnet import RecNet

UNTOUCHED = (
    "routers",
    "messages",
    "buffers",
    "attributes",
    "pending_clients",
    "windows",
    "gradients",
)
"""Tables that AgentCF never writes."""


def as_agentcf(recnet: RecNet, name: str = "agents") -> Network:
    """Return the handle of a network that AgentCF trains."""
    return recnet.network(name, agentcf(recnet.resources))


async def calls_by_record(recnet: RecNet, network: int) -> dict[str, Counter[str]]:
    """Return the number of calls of each settled record, by prompt."""
    found: dict[str, Counter[str]] = {}
    for row in await rows(
        recnet,
        "SELECT step, prompt, sum(attempts)::integer AS calls FROM usage u "
        "JOIN interactions i ON i.network_id = u.network_id AND i.id = u.step "
        "WHERE u.network_id = %s AND prompt <> 'embed' GROUP BY step, prompt",
        network,
    ):
        found.setdefault(row["step"], Counter())[row["prompt"]] = row["calls"]
    return found


async def untouched(recnet: RecNet, network: int) -> Mapping[str, list[dict[str, Any]]]:
    """Return the rows of a network that AgentCF must not change."""
    held = {}
    async with recnet.resources.pool.connection() as conn, one_moment(conn):
        for table in UNTOUCHED:
            held[table] = [dict(row) async for row in read_rows(conn, network, table)]
    held["rules"] = await rows(
        recnet,
        "SELECT owner, version, content FROM module_versions "
        "WHERE network_id = %s AND module IN ('filter_memory', 'router') ORDER BY 1, 2",
        network,
    )
    return held
