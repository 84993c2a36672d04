"""The digest of a network: a hash of its canonical dump.

Two networks are the same when their digests are. The dump holds clients, module versions,
attributes, routers, messages, buffers, interactions, verdicts, gradients, pending set and windows,
each in a fixed order. It leaves out what does not make a network: its name and number, clocks,
usage, cached views, checkpoints, the data set's events, and embeddings, which follow from texts.
"""

import hashlib
import json

from psycopg import sql

from state.pool import Connection

_DUMP = {
    "clients": ("id, kind, key, title, category, profile_version, filter_version", "id"),
    "client_vectors": ("client_id, attributes", "client_id"),
    "module_versions": (
        "module, owner, version, content, author, interaction_id, window_id",
        "module, owner, version",
    ),
    "attributes": ("id, phrase", "id"),
    "routers": ("id, version, attributes, heirs", "id"),
    "messages": ("id, router_id, router_version, window_id, taken", "id"),
    "buffers": ("client_id, messages", "client_id"),
    "interactions": (
        "id, user_id, positive_id, negative_id, predicted_id, reward, reason, failure, window_id",
        'id COLLATE "C"',
    ),
    "verdicts": (
        "interaction_id, client_id, message_id, taken, rule, reason",
        'interaction_id COLLATE "C", client_id, message_id',
    ),
    "gradients": (
        "interaction_id, module, owner, version, reward, suggestion, status, why, applied_to, "
        "applied_version",
        'interaction_id COLLATE "C", module, owner',
    ),
    "pending": ("client_id", "client_id"),
    "windows": ("id, members, done, recipients", "id"),
}


async def digest_network(conn: Connection, network: int) -> str:
    """Return the digest of a network as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    async with conn.transaction():
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table, (columns, order) in _DUMP.items():
            statement = sql.SQL(
                f"SELECT {columns} FROM {table} WHERE network_id = %s ORDER BY {order}"  # noqa: S608
            )
            digest.update(f"\n[{table}]\n".encode())
            async for row in await conn.execute(statement, (network,)):
                line = json.dumps(list(row.values()), ensure_ascii=True, separators=(",", ":"))
                digest.update(line.encode() + b"\n")
    return digest.hexdigest()
