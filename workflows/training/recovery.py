"""Database recovery: a long run waits for a database that went away, and then resumes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import psycopg
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random

from nodes.resources import Resources
from state.db.connection import connect
from state.db.embedded import database_url
from state.db.errors import explain, is_lost
from state.db.pool import require_database
from state.errors import DatabaseError, NetworkError

T = TypeVar("T")

_log = logging.getLogger(__name__)

_UNAVAILABLE = (DatabaseError, psycopg.OperationalError)
_LOSSES_WITHOUT_PROGRESS = 3
_STALE_LOCK = 75.0
"""Seconds for which lost connections may hold this process's locks: the server notices late."""


async def with_database_recovery(
    resources: Resources, work: Callable[[], Awaitable[T]], done: Callable[[], int]
) -> T:
    """Do resumable work, and again each time the database was lost and came back.

    Waits up to `RECNET_DATABASE_WAIT` seconds for it; the embedded server is started again. `done`
    returns how much work was done so far. A network that is locked right after a recovery may be
    locked by a lost connection of this process, so the lock is requested again for a while. The
    error is raised if the database does not come back, or is lost again and again.
    """
    without_progress, back = 0, float("-inf")
    while True:
        before = done()
        try:
            return await work()
        except NetworkError:
            if monotonic() - back > _STALE_LOCK:
                raise
            await asyncio.sleep(1)
        except (psycopg.Error, DatabaseError) as error:
            without_progress = 0 if done() > before else without_progress + 1
            seconds = resources.settings.database_wait
            if not is_lost(error) or without_progress > _LOSSES_WITHOUT_PROGRESS or not seconds:
                raise
            reason = explain(error) if isinstance(error, psycopg.Error) else str(error)
            _log.warning("%s; waiting for it, %.0f s at most", reason.partition(";")[0], seconds)
            if not await _is_back(resources, seconds):
                raise
            back = monotonic()


async def _is_back(resources: Resources, seconds: float) -> bool:
    """Wait for the database, and drop the broken connections of the pool."""
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_UNAVAILABLE),
            wait=wait_random(0.2, 1),
            stop=stop_after_delay(seconds),
            reraise=True,
        ):
            with attempt:
                await asyncio.to_thread(database_url, resources.settings)
                await (await connect(resources.url)).close()
                await require_database(resources.pool)
    except _UNAVAILABLE:
        return False
    return True
