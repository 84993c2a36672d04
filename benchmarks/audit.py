"""The audit of a network after live interactions: what they paid for, and that nothing is lost."""

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any, LiteralString

from state.db.pool import Connection
from state.domain import Frozen
from state.store.interactions import list_interactions
from state.store.usage import sum_usage
from workflows.recnet import RecNet

# Each selects what must not be there, as `what`. A network here began without an interaction.
_FAULTS: dict[str, LiteralString] = {
    "versions with gaps": """
        SELECT module || ' ' || owner AS what FROM module_versions WHERE network_id = %(network)s
        GROUP BY module, owner HAVING min(version) <> 1 OR max(version) <> count(*)""",
    "clients that do not stand at their newest version": """
        SELECT c.kind || ' ' || c.key AS what FROM clients c WHERE c.network_id = %(network)s
        AND (c.profile_version, c.filter_version) <> (
            (SELECT max(version) FROM module_versions v WHERE v.network_id = c.network_id
             AND v.owner = c.id AND v.module = c.kind || '_profile'),
            (SELECT max(version) FROM module_versions v WHERE v.network_id = c.network_id
             AND v.owner = c.id AND v.module = 'filter_memory'))""",
    "interactions without a gradient for each profile": """
        SELECT i.id AS what FROM interactions i LEFT JOIN gradients g
            ON g.network_id = i.network_id AND g.interaction_id = i.id
            AND g.module IN ('user_profile', 'item_profile')
        WHERE i.network_id = %(network)s AND i.failure = ''
        GROUP BY i.id HAVING count(g.owner) <> 3""",
    "gradients of clients that wait": """
        SELECT interaction_id AS what FROM gradients
        WHERE network_id = %(network)s AND status = 'pending' AND module <> 'router'""",
    "applied gradients without their version": """
        SELECT g.interaction_id || ' ' || g.module AS what FROM gradients g
        LEFT JOIN module_versions v ON v.network_id = g.network_id AND v.module = g.module
            AND v.owner = g.applied_to AND v.version = g.applied_version
        WHERE g.network_id = %(network)s AND g.status = 'applied' AND v.version IS NULL
        AND NOT (g.module = 'router' AND g.applied_version IS NULL)""",
    "versions without their gradient": """
        SELECT v.module || ' ' || v.owner AS what FROM module_versions v
        LEFT JOIN gradients g ON g.network_id = v.network_id AND g.module = v.module
            AND g.applied_to = v.owner AND g.interaction_id = v.interaction_id
            AND g.applied_version = v.version
        WHERE v.network_id = %(network)s AND v.author = 'gradient' AND v.module <> 'router'
        AND g.owner IS NULL""",
    "messages that were consumed and are still there, or twice": """
        SELECT 'message ' || v.message_id AS what FROM filter_decisions v
        JOIN buffers b ON b.network_id = v.network_id AND b.client_id = v.client_id
        WHERE v.network_id = %(network)s AND v.message_id = ANY(b.messages)
        UNION ALL SELECT 'message ' || message_id FROM filter_decisions
        WHERE network_id = %(network)s
        GROUP BY client_id, message_id HAVING count(*) > 1""",
    "clients that no window and no pending set knows": """
        SELECT 'client ' || changed.id AS what FROM (
            SELECT DISTINCT unnest(ARRAY[user_id, positive_id, negative_id]) AS id
            FROM interactions WHERE network_id = %(network)s) changed
        WHERE changed.id NOT IN (
            SELECT client_id FROM pending_clients WHERE network_id = %(network)s
            UNION SELECT unnest(members) FROM windows WHERE network_id = %(network)s)""",
    "windows left open or left out": """
        SELECT 'window ' || id AS what FROM windows WHERE network_id = %(network)s AND NOT done
        UNION ALL SELECT 'one of ' || max(id) FROM windows WHERE network_id = %(network)s
        HAVING max(id) <> count(*)""",
}

# What was committed took these calls, by prompt.
_NEEDED: LiteralString = """
    SELECT prompt, count(*)::integer AS calls FROM (
        SELECT unnest(ARRAY['predict', 'gradient']) AS prompt FROM interactions
        WHERE network_id = %(network)s AND failure = ''
        UNION ALL SELECT 'merge' FROM (
            SELECT DISTINCT interaction_id, client_id FROM filter_decisions
            WHERE network_id = %(network)s) merged
        UNION ALL SELECT CASE module WHEN 'filter_memory' THEN 'optimize_filter_memory'
            ELSE 'optimize_profile' END
        FROM gradients
        WHERE network_id = %(network)s AND status = 'applied' AND module <> 'router') needed
    GROUP BY prompt"""


class Audit(Frozen):
    """What the interactions of a network came to."""

    finished: int
    failed: dict[str, int]
    """Records that failed, by the reason."""
    paid: dict[str, int]
    """Calls for interactions, by prompt."""
    needed: dict[str, int]
    """Calls that what was committed is made of; the others were paid in vain."""
    updates: int
    update_calls: int
    faults: tuple[str, ...]
    """What is lost or does not fit together; empty as it must be."""


async def audit_network(recnet: RecNet, name: str, identities: AbstractSet[str]) -> Audit:
    """Look through a network that was fed these interactions and no others."""
    network = (await recnet.network(name).record()).id
    async with recnet.resources.pool.connection() as conn:
        settled = await list_interactions(conn, network)
        usage = await sum_usage(conn, network, "interactions")
        updates = await sum_usage(conn, network, "updates")
        done = await _rows(conn, "SELECT 1 FROM windows WHERE network_id = %(network)s", network)
        needed = await _rows(conn, _NEEDED, network)
        faults = [
            f"{fault}: {', '.join(row['what'] for row in found)}"
            for fault, query in _FAULTS.items()
            if (found := await _rows(conn, query, network))
        ]
    known = {one.id for one in settled}
    if known != identities:
        lost, strange = sorted(identities - known), sorted(known - identities)
        faults.append(f"interactions that are not there or not known: {', '.join(lost + strange)}")
    return Audit(
        finished=sum(not one.failure for one in settled),
        failed=Counter(one.failure for one in settled if one.failure),
        paid={total.name: total.calls for total in usage if total.calls},
        needed={row["prompt"]: row["calls"] for row in needed},
        updates=len(done),
        update_calls=sum(total.calls for total in updates),
        faults=tuple(faults),
    )


async def count_deadlocks(recnet: RecNet) -> int:
    """Return how many deadlocks the server has broken in this database so far."""
    async with recnet.resources.pool.connection() as conn:
        found = await conn.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        row = await found.fetchone()
    return int(row["deadlocks"]) if row else 0


async def _rows(conn: Connection, query: LiteralString, network: int) -> list[dict[str, Any]]:
    return await (await conn.execute(query, {"network": network})).fetchall()
