"""Numbered, append-only migrations, run by one process at a time."""

import asyncio
import re
from pathlib import Path

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow

from state.db.connection import connect
from state.db.errors import advice
from state.errors import DatabaseError

SCHEMA = "recnet"
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 2_601_21609
_WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


async def migrate(url: str) -> None:
    """Apply the migrations that the database at `url` lacks.

    All tables are in the schema `recnet`. An advisory lock lets one process migrate while others
    wait.

    Raises:
        DatabaseError: no connection, no pgvector, a database newer than this program, or one that
            cannot be written.
    """
    async with await connect(url) as conn:
        try:
            await _lock(conn)
            await _migrate(conn)
        except psycopg.Error as error:
            if (reason := advice(error)) is None:
                raise
            raise DatabaseError(reason) from error


async def _lock(conn: AsyncConnection[DictRow]) -> None:
    """Wait for the advisory lock by polling it.

    A session that waits inside `pg_advisory_lock` holds a snapshot, and LangGraph's setup builds
    indexes concurrently, which waits for all snapshots: the two would deadlock.
    """
    for _ in range(round(_WAIT_SECONDS / _PAUSE_SECONDS)):
        cursor = await conn.execute("SELECT pg_try_advisory_lock(%s) AS held", (_LOCK_KEY,))
        row = await cursor.fetchone()
        if row is not None and row["held"]:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise DatabaseError(
        f"another process has been migrating the database for {_WAIT_SECONDS:.0f} s: "
        "wait for it, or end it, and try again"
    )


def known_migrations() -> dict[int, Path]:
    """Return the migrations of this program by number.

    Raises:
        DatabaseError: a file is misnamed, or a number is missing or used twice.
    """
    files = sorted(MIGRATIONS.glob("*.sql"))
    numbers = [int(m.group(1)) for f in files if (m := re.match(r"(\d{4})_\w+\.sql$", f.name))]
    if numbers != list(range(1, len(files) + 1)):
        raise DatabaseError(f"migrations in {MIGRATIONS} are not numbered 0001, 0002, …")
    return dict(zip(numbers, files, strict=True))


async def _migrate(conn: AsyncConnection[DictRow]) -> None:
    await _require_pgvector(conn)
    await conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    await conn.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(SCHEMA)))
    await conn.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(number integer PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now())"
    )
    # In a thread: the Agent Server refuses to read folders and files on its event loop.
    known = await asyncio.to_thread(known_migrations)
    cursor = await conn.execute("SELECT coalesce(max(number), 0) AS number FROM migrations")
    row = await cursor.fetchone()
    at = row["number"] if row else 0
    if at > max(known):
        raise DatabaseError(
            f"the database is at migration {at}, this program knows {max(known)}: "
            "use a newer program, or another database"
        )
    for number in range(at + 1, max(known) + 1):
        path = known[number]
        await _apply(conn, number, path.stem, await asyncio.to_thread(path.read_bytes))
    # LangGraph's own tables: setup() races between processes, so it runs under this lock only.
    await AsyncPostgresSaver(conn).setup()


async def _apply(conn: AsyncConnection[DictRow], number: int, name: str, statements: bytes) -> None:
    async with conn.transaction():
        await conn.execute(statements)
        await conn.execute("INSERT INTO migrations (number, name) VALUES (%s, %s)", (number, name))


async def _require_pgvector(conn: AsyncConnection[DictRow]) -> None:
    cursor = await conn.execute(
        "SELECT extnamespace::regnamespace::text AS schema FROM pg_extension "
        "WHERE extname = 'vector'"
    )
    if row := await cursor.fetchone():
        if row["schema"] in (SCHEMA, "public"):
            return
        raise DatabaseError(
            f"pgvector is in the schema {row['schema']}, where it is not looked for: "
            "run ALTER EXTENSION vector SET SCHEMA public in this database"
        )
    try:
        await conn.execute("CREATE EXTENSION vector SCHEMA public")
    except psycopg.errors.ReadOnlySqlTransaction:
        raise
    except psycopg.Error as error:
        raise DatabaseError(
            "the database has no pgvector: install it on the server, then run "
            "CREATE EXTENSION vector in this database as a user who may"
        ) from error
