"""A lock is held as long as the connection of its process, and the holder can be looked up."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from nodes.resources import Resources
from state.db.locks import Locks, lock_holder
from state.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
async def neighbour(settings: Settings) -> AsyncIterator[Locks]:
    """Return the locks of another process that lives."""
    assert settings.database_url is not None
    locks = Locks(settings.database_url.get_secret_value())
    yield locks
    await locks.close()


async def test_a_lock_is_free_when_its_process_has_closed_its_connection(
    resources: Resources, settings: Settings
) -> None:
    assert settings.database_url is not None
    for _ in range(50):
        leaving = Locks(settings.database_url.get_secret_value())
        assert await leaving.acquire("it", ["thing"], wait=0)
        async with resources.pool.connection() as conn:
            assert await lock_holder(conn, "thing") is not None
            await leaving.close()
            assert await lock_holder(conn, "thing") is None


async def test_a_lock_ends_with_its_connection(resources: Resources, neighbour: Locks) -> None:
    assert await neighbour.acquire("it", ["thing"], wait=0)
    assert await neighbour.acquire("it", ["thing"], wait=0)
    async with resources.pool.connection() as conn:
        assert await lock_holder(conn, "thing") is not None
        async with resources.pool.connection() as other, other.transaction(), conn.transaction():
            assert await lock_holder(conn, "thing") is not None
            assert await lock_holder(other, "thing") is not None
            assert await lock_holder(conn, "other thing") is None
            assert await lock_holder(other, "other thing") is None  # who asks holds nothing
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND a.application_name = %s",
            (neighbour.name,),
        )
        async with asyncio.timeout(10):
            while await lock_holder(conn, "thing") is not None:
                await conn.execute("SELECT pg_sleep(0.01)")
        with pytest.raises(psycopg.OperationalError):
            await neighbour.verify("it")
        assert await neighbour.acquire("it", ["thing"], wait=0)
        await neighbour.verify("it")
