"""One at a time: who trains a network, or changes it by hand, holds it for as long as it lasts."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nodes.resources import Resources
from state.db.connection import connect, part
from state.db.pool import Connection
from state.errors import NetworkError
from state.store.networks import NetworkRecord

_LOCK_CLASS = 26_012


@dataclass(frozen=True, slots=True)
class Hold:
    """A network that this process holds, as long as the connection with its lock does."""

    _conn: Connection

    async def require(self) -> None:
        """Make sure that the network is still held.

        Raises:
            psycopg.OperationalError: the connection was lost, and with it the lock.
        """
        await self._conn.execute("SELECT")


@asynccontextmanager
async def only_trainer(resources: Resources, network: NetworkRecord) -> AsyncIterator[Hold]:
    """Hold a network for one process: two drivers would feed the same records twice, and plan from
    what the other changes.

    The lock has a connection of its own, or many runs in one process would drain the pool.

    Raises:
        NetworkError: another process holds it; says which.
        DatabaseError: the server allows no further connection.
    """
    conn = await connect(resources.url)
    try:
        await _take(conn, network)
        # The name of the connection is what others can see of this process.
        name = f"recnet {resources.command}, process {os.getpid()} on {socket.gethostname()}"
        await conn.execute("SELECT set_config('application_name', %s, false)", (name,))
        yield Hold(conn)
    finally:
        await part(conn)


async def _take(conn: Connection, network: NetworkRecord) -> None:
    cursor = await conn.execute(
        "SELECT pg_try_advisory_lock(%s, %s) AS held", (_LOCK_CLASS, network.id)
    )
    row = await cursor.fetchone()
    if row is None or not row["held"]:
        raise NetworkError(
            f"network '{network.name}' is held by {await _holder(conn, network)}: "
            "wait for it, or stop it"
        )


async def _holder(conn: Connection, network: NetworkRecord) -> str:
    """Return what can be said of the process that holds a network."""
    cursor = await conn.execute(
        "SELECT a.application_name AS name, to_char(a.backend_start, 'HH24:MI') AS since "
        "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
        "AND l.classid = %s AND l.objid = %s "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (_LOCK_CLASS, network.id),
    )
    row = await cursor.fetchone()
    if row is None or not row["name"]:
        return "another process"
    return f"{row['name']}, since {row['since']}" if row["since"] else str(row["name"])
