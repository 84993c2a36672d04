"""Numbered, append-only migrations, run by one process at a time."""

import re
from pathlib import Path

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow, dict_row

from state.errors import DatabaseError

SCHEMA = "recnet"
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 2_601_21609
_CONNECT_SECONDS = 10


async def migrate(url: str) -> None:
    """Bring the database at `url` to this program's version.

    Everything lives in a schema of its own, beside whatever else the database holds. An advisory
    lock lets one process migrate while others wait.

    Raises:
        DatabaseError: no connection, no pgvector, or a database newer than this program.
    """
    try:
        async with await AsyncConnection.connect(
            url, autocommit=True, row_factory=dict_row, connect_timeout=_CONNECT_SECONDS
        ) as conn:
            await conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            await _migrate(conn)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DatabaseError(
            f"cannot connect to the database: {reason}; check RECNET_DATABASE_URL, "
            "or unset it to use the embedded server"
        ) from error


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
    known = known_migrations()
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
        await _apply(conn, number, path.stem, path.read_bytes())
    # LangGraph's own tables: setup() races between processes, so it runs under this lock only.
    await AsyncPostgresSaver(conn).setup()


async def _apply(conn: AsyncConnection[DictRow], number: int, name: str, statements: bytes) -> None:
    async with conn.transaction():
        await conn.execute(statements)
        await conn.execute("INSERT INTO migrations (number, name) VALUES (%s, %s)", (number, name))


async def _require_pgvector(conn: AsyncConnection[DictRow]) -> None:
    cursor = await conn.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
    if await cursor.fetchone():
        return
    try:
        await conn.execute("CREATE EXTENSION vector")
    except psycopg.Error as error:
        raise DatabaseError(
            "the database has no pgvector: install it on the server, then run "
            "CREATE EXTENSION vector in this database as a user who may"
        ) from error
