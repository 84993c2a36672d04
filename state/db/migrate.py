"""Numbered, append-only migrations, run by one process at a time."""

import asyncio
import re
from pathlib import Path

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import sql

from state.db.connection import connect
from state.db.errors import advice
from state.db.query import Connection, fetch_number, fetch_one
from state.errors import DatabaseError

SCHEMA = "recnet"
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 2_601_21609
_WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


async def migrate(url: str) -> None:
    """Apply the migrations that the database at `url` lacks, one process at a time.

    A DatabaseError tells of no connection, no pgvector, a newer or a read-only database.
    """
    async with await connect(url) as conn:
        try:
            await _lock(conn)
            await _migrate(conn)
        except psycopg.Error as error:
            if (reason := advice(error)) is None:
                raise
            raise DatabaseError(reason) from error


async def _lock(conn: Connection) -> None:
    """Wait for the advisory lock by polling it.

    A session that waits inside `pg_advisory_lock` holds a snapshot, and LangGraph's setup builds
    indexes concurrently, which waits for all snapshots: the two would deadlock.
    """
    for _ in range(round(_WAIT_SECONDS / _PAUSE_SECONDS)):
        if await fetch_number(conn, "SELECT pg_try_advisory_lock(%s)::int", (_LOCK_KEY,)):
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise DatabaseError(
        f"another process has been migrating the database for {_WAIT_SECONDS:.0f} s: "
        "wait for it, or end it, and try again"
    )


def known_migrations() -> dict[int, Path]:
    """Return the migrations by number; a DatabaseError where they are not numbered one by one."""
    files = sorted(MIGRATIONS.glob("*.sql"))
    numbers = [int(m.group(1)) for f in files if (m := re.match(r"(\d{4})_\w+\.sql$", f.name))]
    if numbers != list(range(1, len(files) + 1)):
        raise DatabaseError(f"migrations in {MIGRATIONS} are not numbered 0001, 0002, …")
    return dict(zip(numbers, files, strict=True))


async def _migrate(conn: Connection) -> None:
    await _require_pgvector(conn)
    await conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    await conn.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(SCHEMA)))
    await conn.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(number integer PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now())"
    )
    # In a thread: the Agent Server refuses to read folders and files on its event loop.
    known = await asyncio.to_thread(known_migrations)
    at = await fetch_number(conn, "SELECT coalesce(max(number), 0) FROM migrations")
    if at > max(known):
        raise DatabaseError(
            f"the database is at migration {at}, this program knows {max(known)}: "
            "use a newer program, or another database"
        )
    for number in range(at + 1, max(known) + 1):
        statements = await asyncio.to_thread(known[number].read_bytes)
        async with conn.transaction():
            await conn.execute(statements)
            await conn.execute(
                "INSERT INTO migrations (number, name) VALUES (%s, %s)",
                (number, known[number].stem),
            )
    # LangGraph's own tables: setup() races between processes, so it runs under this lock only.
    await AsyncPostgresSaver(conn).setup()


async def _require_pgvector(conn: Connection) -> None:
    query = (
        "SELECT extnamespace::regnamespace::text AS schema FROM pg_extension "
        "WHERE extname = 'vector'"
    )
    if row := await fetch_one(conn, query):
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
