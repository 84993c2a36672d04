"""The pool of database connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from state.errors import DatabaseError
from state.migrate import SCHEMA, migrate

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

_OPEN_SECONDS = 10.0


@asynccontextmanager
async def open_pool(url: str, size: int) -> AsyncIterator[Pool]:
    """Open a pool on a migrated database; vectors travel in binary, rows are dictionaries.

    Raises:
        DatabaseError: the server cannot be reached, lacks pgvector, or is newer than the program.
    """
    await migrate(url)
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=size,
        open=False,
        configure=register_vector_async,
        kwargs=connection_options(),
    )
    try:
        await pool.open(wait=True, timeout=_OPEN_SECONDS)
    except (PoolTimeout, psycopg.Error) as error:
        await pool.close()
        raise DatabaseError(
            f"no connection to the database within {_OPEN_SECONDS:.0f} s"
        ) from error
    try:
        yield pool
    finally:
        await pool.close()


def connection_options() -> dict[str, Any]:
    """Return the options every connection of the program is opened with."""
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "options": f"-c search_path={SCHEMA},public",
    }
