"""A live process that is killed amid a router update: the next one finishes it."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from state.db.migrate import SCHEMA
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from workflows.recnet import RecNet

RECORDS = [("ann", "j2"), ("bob", "j3"), ("cid", "m2"), ("dot", "m3"), ("eve", "f2"), ("fay", "f3")]
OPEN = "SELECT id FROM windows WHERE NOT done"


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


def kill_amid_an_update(url: str, conn: psycopg.Connection) -> int | None:
    """Feed records until one opens a window, and kill that process; return the window."""
    for user, positive in RECORDS:
        process = feed(url, user, positive)
        while process.poll() is None:
            if row := conn.execute(OPEN).fetchone():
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                left = conn.execute(OPEN).fetchone()
                return int(row[0]) if left else None  # it may have been done by then
            time.sleep(0.001)
        _, said = process.communicate()
        assert process.returncode == 0, said
    return None


@pytest.mark.slow
async def test_the_next_process_finishes_what_a_killed_one_left(
    recnet: RecNet, server: str
) -> None:
    # Many clients a window, so that the update takes a while.
    await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"update_size": 12})
    )
    with psycopg.connect(server, autocommit=True, options=f"-c search_path={SCHEMA}") as conn:
        window = kill_amid_an_update(server, conn)
        assert window is not None
        process = feed(server, "ann", "j3")
        _, said = process.communicate()
        assert process.returncode == 0, said
        assert conn.execute(OPEN).fetchone() is None
        usage = conn.execute("SELECT count(*) FROM usage WHERE step = 'window 1'").fetchone()
        members = conn.execute("SELECT cardinality(members) FROM windows").fetchone()
        assert usage is not None
        assert members is not None
        assert usage[0] >= members[0]
