"""A live process that is killed amid a router update: the next one finishes it."""

import asyncio
import os
import signal
import subprocess
import sys

import psycopg

from state.db.migrate import SCHEMA
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from workflows.recnet import RecNet

RECORDS = [("ann", "j2"), ("bob", "j3"), ("cid", "m2"), ("dot", "m3"), ("eve", "f2"), ("fay", "f3")]
UPDATE_SIZE = 12
"""Many clients a window, so that the router update takes a while."""
OPEN = "SELECT id FROM windows WHERE NOT done"
PENDING = "SELECT count(*) FROM pending_clients"


def count(conn: psycopg.Connection, query: str) -> int:
    """Return the one number that a query gives."""
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def feed(url: str, user: str, positive: str) -> subprocess.Popen[str]:
    """Start `recnet interact` on the tiny network in a process of its own."""
    words = [sys.executable, "-m", "evals.cli", "interact", user, positive, "j1", "-n", "tiny"]
    return subprocess.Popen(  # noqa: S603 - our own words
        words,
        env={**os.environ, "RECNET_DATABASE_URL": url},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def kill_amid_an_update(recnet: RecNet, url: str, conn: psycopg.Connection) -> int | None:
    """Feed records until one opens a window, and kill that process; return the window."""
    for user, positive in RECORDS:
        if count(conn, PENDING) + 3 < UPDATE_SIZE:  # it cannot open a window yet
            await recnet.network("tiny").interact(user=user, positive=positive, negative="j1")
            continue
        process = feed(url, user, positive)
        while process.poll() is None:
            if row := conn.execute(OPEN).fetchone():
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                left = conn.execute(OPEN).fetchone()
                return int(row[0]) if left else None  # it may have been done by then
            await asyncio.sleep(0.001)
        _, said = process.communicate()
        assert process.returncode == 0, said
    return None


async def test_the_next_process_finishes_what_a_killed_one_left(
    recnet: RecNet, server: str
) -> None:
    await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"update_size": UPDATE_SIZE})
    )
    with psycopg.connect(server, autocommit=True, options=f"-c search_path={SCHEMA}") as conn:
        assert await kill_amid_an_update(recnet, server, conn) is not None
        process = feed(server, "ann", "j3")
        _, said = process.communicate()
        assert process.returncode == 0, said
        assert conn.execute(OPEN).fetchone() is None
        paid = count(conn, "SELECT count(*) FROM usage WHERE step = 'window 1'")
        assert paid >= count(conn, "SELECT cardinality(members) FROM windows")
