"""The cache of replies over a real database: what it keeps, and what it never does."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from langchain_core.outputs import Generation
from psycopg import sql
from psycopg.conninfo import make_conninfo

from state.db.migrate import SCHEMA, migrate
from state.store.reply_cache import PostgresReplyCache, open_reply_cache
from tests.support.paths import ROOT
from tests.support.source_files import PACKAGES, modules


@pytest.fixture
async def cache(server: str) -> AsyncIterator[PostgresReplyCache]:
    """Open the cache of a migrated database, and leave it empty."""
    await migrate(server)
    with open_reply_cache(server) as opened:
        yield opened
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DELETE FROM {SCHEMA}.replies".encode())  # noqa: S608 - our name


@pytest.fixture
def bare(server: str) -> Iterator[str]:
    """Make a database without any of our tables, and return its URL."""
    name = sql.Identifier("bare")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield make_conninfo(server, dbname="bare")
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def kept(text: str) -> list[Generation]:
    return [Generation(text=text)]


def count(server: str) -> int:
    with psycopg.connect(server) as conn:
        row = conn.execute(f"SELECT count(*) FROM {SCHEMA}.replies".encode()).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])


def test_a_reply_is_found_by_its_prompt_and_what_else_it_depends_on(
    cache: PostgresReplyCache,
) -> None:
    assert cache.lookup("prompt", "model") is None
    cache.update("prompt", "model", kept("Olá 😀 \\ud83d {%s}"))
    assert cache.lookup("prompt", "model") == kept("Olá 😀 \\ud83d {%s}")
    assert cache.lookup("prompt ", "model") is None
    assert cache.lookup("prompt", "Model") is None


def test_a_newer_reply_takes_the_place_of_an_older_one(
    cache: PostgresReplyCache, server: str
) -> None:
    cache.update("prompt", "model", kept("old"))
    cache.update("prompt", "other", kept("another model's"))
    cache.update("prompt", "model", kept("new"))
    assert cache.lookup("prompt", "model") == kept("new")
    assert count(server) == 2


async def test_many_threads_at_once_write_and_read(cache: PostgresReplyCache) -> None:
    async def one(number: int) -> list[str]:
        await cache.aupdate("prompt", f"model {number % 8}", kept("the same"))
        found = await cache.alookup("prompt", f"model {number % 8}")
        return [generation.text for generation in found or ()]

    found = await asyncio.gather(*map(one, range(64)))
    assert {text for texts in found for text in texts} == {"the same"}
    assert all(found)


async def test_of_many_writers_at_once_one_row_is_left(
    cache: PostgresReplyCache, server: str
) -> None:
    await asyncio.gather(*(cache.aupdate("prompt", "model", kept("the same")) for _ in range(64)))
    assert count(server) == 1


def test_a_constructor_in_a_stored_row_is_not_run(cache: PostgresReplyCache, server: str) -> None:
    cache.update("prompt", "model", kept("as it was"))
    planted = (
        '{"lc": 1, "type": "constructor", "id": ["langchain_core", "prompts", "chat", '
        '"ChatPromptTemplate"], "kwargs": {"text": "only a text"}}'
    )
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"UPDATE {SCHEMA}.replies SET response = %s".encode(), (planted,))  # noqa: S608
    (found,) = cache.lookup("prompt", "model") or ()
    assert type(found) is Generation
    assert found.text == "only a text"


def test_without_its_table_the_cache_raises_and_creates_none(bare: str) -> None:
    with open_reply_cache(bare) as opened:
        with pytest.raises(psycopg.errors.UndefinedTable):
            opened.lookup("prompt", "model")
        with pytest.raises(psycopg.errors.UndefinedTable):
            opened.update("prompt", "model", kept("a reply"))
    with psycopg.connect(bare) as conn:
        made = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text "
            "NOT IN ('pg_catalog', 'pg_toast', 'information_schema')"
        ).fetchall()
    assert made == []


def test_a_role_that_may_only_use_the_table_is_enough(
    cache: PostgresReplyCache, server: str
) -> None:
    role = sql.Identifier("reader")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reader'").format(role))
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA recnet TO {}").format(role))
        conn.execute(
            sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON recnet.replies TO {}").format(role)
        )
        try:
            url = make_conninfo(server, user="reader", password="reader")  # noqa: S106
            with open_reply_cache(url) as opened:
                opened.update("prompt", "model", kept("a reply"))
                assert opened.lookup("prompt", "model") == kept("a reply")
        finally:
            conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
            conn.execute(sql.SQL("DROP ROLE {}").format(role))
    assert cache.lookup("prompt", "model") == kept("a reply")


def test_a_database_that_is_gone_raises_the_drivers_own_error(bare: str, server: str) -> None:
    with open_reply_cache(bare) as opened:
        with pytest.raises(psycopg.errors.UndefinedTable):
            opened.lookup("prompt", "model")
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute("ALTER DATABASE bare ALLOW_CONNECTIONS false")
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                         "WHERE datname = 'bare'")  # fmt: skip
        with pytest.raises(psycopg.OperationalError):
            opened.lookup("prompt", "model")
        with pytest.raises(psycopg.OperationalError):
            opened.update("prompt", "model", kept("a reply"))


def test_one_file_alone_imports_the_package_that_is_no_longer_maintained() -> None:
    named = [
        module
        for module, path in modules(ROOT, PACKAGES).items()
        if "import langchain_community" in (text := path.read_text(encoding="utf-8"))
        or "from langchain_community" in text
    ]
    assert named == ["state.store.reply_cache"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("imported", "loaded"),
    [
        ("state.store.reply_cache", True),
        ("nodes.resources, prompts.llm.cache, workflows.server, evals.cli", False),
    ],
)
def test_it_is_imported_late_and_its_warning_is_not_heard(imported: str, loaded: bool) -> None:
    code = f"import sys, {imported}; print('langchain_community' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=False, cwd=Path(ROOT),
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == f"{loaded}\n"
