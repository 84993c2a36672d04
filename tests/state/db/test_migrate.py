"""Migrations: any database comes to this program's version, or is refused in one line."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from state.db import migrate as migrations
from state.db.migrate import known_migrations, migrate
from state.db.pool import open_pool
from state.errors import DatabaseError


@pytest.fixture
def fresh(server: str) -> Iterator[str]:
    """Return the URL of a database with nothing in it."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
        yield make_conninfo(server, dbname=name)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT schemaname || '.' || tablename FROM pg_tables").fetchall()
    return {row[0] for row in rows if not row[0].startswith(("pg_catalog", "information_schema"))}


async def test_a_fresh_database_gets_every_table_in_a_schema_of_its_own(fresh: str) -> None:
    await migrate(fresh)
    found = tables(fresh)
    assert {name.split(".")[0] for name in found} == {"recnet"}
    assert {"recnet.networks", "recnet.usage", "recnet.checkpoints"} <= found


async def test_migrating_again_changes_nothing(fresh: str) -> None:
    await migrate(fresh)
    with psycopg.connect(fresh) as conn:
        before = conn.execute("TABLE recnet.migrations").fetchall()
        await migrate(fresh)
        assert conn.execute("TABLE recnet.migrations").fetchall() == before
    assert [number for number, *_ in before] == list(known_migrations())


async def test_processes_that_start_at_once_wait_for_each_other(fresh: str) -> None:
    await asyncio.gather(*(migrate(fresh) for _ in range(6)))
    assert "recnet.windows" in tables(fresh)


async def test_an_older_database_is_brought_up_and_keeps_what_it_holds(
    fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(fresh)
    later = tmp_path / "0002_later.sql"
    later.write_text("ALTER TABLE networks ADD note text; CREATE TABLE later ();")
    with psycopg.connect(fresh, autocommit=True) as conn:
        conn.execute("INSERT INTO recnet.networks (name, dataset, domain) VALUES ('a', 'b', 'c')")
        known = {**known_migrations(), 2: later}
        monkeypatch.setattr(migrations, "known_migrations", lambda: known)
        await migrate(fresh)
        assert conn.execute("SELECT name, note FROM recnet.networks").fetchall() == [("a", None)]
    assert "recnet.later" in tables(fresh)


async def test_a_newer_database_is_refused(fresh: str) -> None:
    await migrate(fresh)
    with psycopg.connect(fresh, autocommit=True) as conn:
        conn.execute("INSERT INTO recnet.migrations (number, name) VALUES (999, 'later')")
    with pytest.raises(DatabaseError, match=r"at migration 999, .*: use a newer program"):
        await migrate(fresh)


async def test_pgvector_in_a_schema_that_is_not_searched_is_refused(fresh: str) -> None:
    with psycopg.connect(fresh, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA extensions")
        conn.execute("CREATE EXTENSION vector SCHEMA extensions")
    with pytest.raises(DatabaseError, match=r"in the schema extensions, .*SET SCHEMA public"):
        await migrate(fresh)
    assert tables(fresh) == set()


async def test_a_database_that_cannot_be_written_is_refused(fresh: str) -> None:
    options = "-c default_transaction_read_only=on"
    with pytest.raises(DatabaseError, match="read-only"):
        await migrate(make_conninfo(fresh, options=options))
    assert tables(fresh) == set()


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001_half.sql").write_text("CREATE TABLE half (); SELECT 1 / 0;")
    monkeypatch.setattr(migrations, "MIGRATIONS", tmp_path)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(fresh)
    assert tables(fresh) == {"recnet.migrations"}


@pytest.mark.parametrize(
    "files", [["0002_b.sql"], ["0001_a.sql", "0001_b.sql"], ["0001_a.sql", "notes.sql"]]
)
def test_a_number_that_is_missing_or_used_twice_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    for file in files:
        (tmp_path / file).touch()
    monkeypatch.setattr(migrations, "MIGRATIONS", tmp_path)
    with pytest.raises(DatabaseError, match="not numbered"):
        known_migrations()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:secret@127.0.0.1:1/db", "cannot connect"),
        ("me:secret@host/db", "not the URL of a PostgreSQL database"),
        ("http://me:secret@host/db", "not the URL of a PostgreSQL database"),
    ],
)
async def test_a_url_that_leads_nowhere_is_one_line_without_the_password(
    url: str, told: str
) -> None:
    with pytest.raises(DatabaseError, match=told) as raised:
        async with open_pool(url, 3):
            pass
    assert "RECNET_DATABASE_URL" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
