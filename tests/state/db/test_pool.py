"""The pool never lets anybody wait for long, and says why no connection came."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout

from state.db import pool as pools
from state.db.pool import Pool, open_pool, require_database
from state.errors import DatabaseError


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_WAIT_SECONDS", 0.5)


@pytest.fixture
def lonely(server: str) -> Iterator[str]:
    """Return the URL of a database as a role that may open one connection."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1".encode())
        conn.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        url = make_conninfo(server, dbname=name)
        with psycopg.connect(url, autocommit=True) as inside:
            inside.execute("CREATE EXTENSION vector")
        yield make_conninfo(url, user=name)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        conn.execute(f"DROP ROLE {name}".encode())


@pytest.mark.usefixtures("short")
async def test_connections_that_are_all_in_use_are_named(server: str) -> None:
    with pytest.raises(DatabaseError, match=r"none of the 1 .* raise RECNET_CONNECTIONS"):
        async with open_pool(server, 1) as pool, pool.connection(), pool.connection():
            pass


@pytest.mark.slow
async def test_nobody_waits_long_again_until_a_connection_comes(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_WAIT_SECONDS", 1.5)
    monkeypatch.setattr(pools, "_AGAIN_SECONDS", 0.1)
    async with open_pool(server, 1) as pool:
        conn = await pool.getconn()
        waited = [await in_vain(pool) for _ in range(3)]
        await pool.putconn(conn)
        conn = await pool.getconn()
        waited.append(await in_vain(pool))
        await pool.putconn(conn)
    assert [seconds > 1 for seconds in waited] == [True, False, False, True]


async def in_vain(pool: Pool) -> float:
    """Return how long a connection was waited for that did not come."""
    began = time.monotonic()
    with pytest.raises(PoolTimeout):
        await pool.getconn()
    return time.monotonic() - began


@pytest.mark.usefixtures("short")
async def test_a_server_that_refuses_further_connections_is_quoted(lonely: str) -> None:
    with pytest.raises(DatabaseError, match=r"too many connections for role .*RECNET_CONNECTIONS"):
        async with open_pool(lonely, 3) as pool, pool.connection(), pool.connection():
            pass


async def test_one_connection_is_enough_for_one_thing_at_a_time(lonely: str) -> None:
    async with open_pool(lonely, 3) as pool:
        for _ in range(3):
            async with pool.connection() as conn:
                await conn.execute("TABLE networks")


@pytest.mark.slow
@pytest.mark.usefixtures("short")
async def test_after_an_outage_connections_come_at_once(server: str, lonely: str) -> None:
    """However long it was: the pauses between the pool's own tries would be as long again."""
    name = str(psycopg.conninfo.conninfo_to_dict(lonely)["dbname"])
    with psycopg.connect(server, autocommit=True) as other:
        # The server takes a connection that has just ended for open a while.
        other.execute(f"ALTER ROLE {name} CONNECTION LIMIT -1".encode())
    async with open_pool(lonely, 1) as pool:
        with psycopg.connect(server, autocommit=True) as other:
            other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            until = time.monotonic() + 4
            while time.monotonic() < until:
                with pytest.raises(psycopg.OperationalError):
                    await require_database(pool)
            other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        began = time.monotonic()
        while not await answers(pool):
            assert time.monotonic() - began < 2


async def answers(pool: Pool) -> bool:
    with suppress(psycopg.OperationalError):
        await require_database(pool)
        return True
    return False


async def test_who_is_cancelled_on_the_way_to_a_connection_does_not_go_on(server: str) -> None:
    """Also where the connection comes at that very moment."""

    async def ask(pool: Pool) -> None:
        async with pool.connection() as conn:
            await conn.execute("SELECT 1")

    went_on = cancelled = 0
    async with open_pool(server, 8) as pool:
        for turn in range(40):
            tasks = [asyncio.create_task(ask(pool)) for _ in range(20)]
            await asyncio.sleep(0.0004 * turn)
            late = [task for task in tasks if task.cancel()]
            await asyncio.gather(*tasks, return_exceptions=True)
            went_on += sum(not task.cancelled() for task in late)
            cancelled += len(late)
        assert cancelled > 100
        assert went_on == 0
        await asyncio.gather(*(ask(pool) for _ in range(8)))
