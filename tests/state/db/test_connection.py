"""Connections: whatever a password holds, no part of it is told."""

import asyncio
from string import punctuation

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from state.db.connection import connect
from state.db.errors import is_lost
from state.db.pool import Connection, open_pool
from state.errors import DatabaseError


@pytest.mark.parametrize("first", punctuation)
async def test_no_error_quotes_a_password_that_was_not_encoded(first: str) -> None:
    for second in ("", *punctuation):
        url = f"postgresql://me:s3{first}cr{second}et@127.0.0.1:1/db"
        with pytest.raises(DatabaseError) as refused:
            await connect(url)
        line = str(refused.value)
        assert not any(part in line for part in ("s3", "cr", "et@")), url
        assert "RECNET_DATABASE_URL" in line


@pytest.mark.parametrize("password", ["s3%40cr", "s3%2Fcr", "s3%3Fcr", "s3:cr", "s3#cr"])
async def test_an_encoded_password_reaches_the_server(password: str) -> None:
    with pytest.raises(DatabaseError, match="Connection refused"):
        await connect(f"postgresql://me:{password}@127.0.0.1:1/my%40db")


async def test_a_process_that_is_suspended_in_a_transaction_does_not_keep_its_locks(
    server: str,
) -> None:
    async def left_alone(conn: Connection) -> None:
        assert await setting(conn, "idle_in_transaction_session_timeout") == "1min"
        await conn.execute("SET idle_in_transaction_session_timeout = 50")
        async with conn.transaction():
            await conn.execute("SELECT 1")
            await asyncio.sleep(0.3)
            await conn.execute("SELECT 1")

    async with open_pool(server, 1) as pool:
        for held in (pool.connection(), await connect(server)):
            with pytest.raises(psycopg.Error) as ended:
                async with held as conn:
                    await left_alone(conn)
            assert is_lost(ended.value), "it goes on as after an outage"


async def test_what_the_url_sets_for_a_session_holds(server: str) -> None:
    url = make_conninfo(server, options="-c work_mem=5MB")
    async with await connect(url) as conn:
        assert await setting(conn, "work_mem") == "5MB"
    async with open_pool(url, 1) as pool, pool.connection() as conn:
        assert await setting(conn, "work_mem") == "5MB"
        assert await setting(conn, "search_path") == "recnet,public"


async def setting(conn: Connection, name: str) -> str:
    row = await (await conn.execute(f"SHOW {name}".encode())).fetchone()
    assert row is not None
    return str(row[name])
