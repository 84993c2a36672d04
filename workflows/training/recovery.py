"""Outages: a long run waits for a database that went away, and goes on where it was."""

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

_NOT_BACK = (DatabaseError, psycopg.OperationalError)
_IN_VAIN = 3
"""Outages in a row between which nothing was learned."""
_GHOST = 75.0
"""Seconds in which a server still takes this process's lost connections, and what they hold, for
alive; it needs a minute to find that they are gone."""


async def with_database_recovery(
    resources: Resources, work: Callable[[], Awaitable[T]], done: Callable[[], int]
) -> T:
    """Do work that goes on where it was, again after each outage of the database.

    Waits `RECNET_DATABASE_WAIT` seconds for it to come back; the embedded server is started again.
    `done` counts what work has done so far: a database that goes away again and again before
    anything is done is given up. A network that is held by another process may after an outage be
    held by what is left of this one: it is asked for again.

    Raises:
        psycopg.Error, DatabaseError: what the outage looked like, where it lasted longer.
        NetworkError: the work's own.
    """
    in_vain, back = 0, float("-inf")
    while True:
        before = done()
        try:
            return await work()
        except NetworkError:
            if monotonic() - back > _GHOST:
                raise
            await asyncio.sleep(1)
        except (psycopg.Error, DatabaseError) as error:
            in_vain = 0 if done() > before else in_vain + 1
            seconds = resources.settings.database_wait
            if not is_lost(error) or in_vain > _IN_VAIN or not seconds:
                raise
            said = explain(error) if isinstance(error, psycopg.Error) else str(error)
            _log.warning("%s; waiting for it, %.0f s at most", said.partition(";")[0], seconds)
            if not await _comes_back(resources, seconds):
                raise
            back = monotonic()


async def _comes_back(resources: Resources, seconds: float) -> bool:
    """Wait for the database, and let go of the connections that broke."""
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_NOT_BACK),
            wait=wait_random(0.2, 1),
            stop=stop_after_delay(seconds),
            reraise=True,
        ):
            with attempt:
                await asyncio.to_thread(database_url, resources.settings)
                await (await connect(resources.url)).close()
                await require_database(resources.pool)
    except _NOT_BACK:
        return False
    return True
