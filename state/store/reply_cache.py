"""The cache of replies, in the same Postgres: the one place that imports `langchain_community`.

`SQLAlchemyMd5Cache` finds replies by the hash of the prompt, compared in full. Replaced are its
constructor, which creates tables (a migration does); its `update`, which leaves two rows when two
processes write; and its reading by `loads`, which builds any object that a row names. The package
is no longer maintained and warns at import.
"""

import asyncio
import json
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import psycopg
from langchain_core.load.dump import dumps
from langchain_core.outputs import Generation
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from state.db.connection import connection_options
from state.db.migrate import SCHEMA

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.cache import SQLAlchemyMd5Cache

_CONNECTIONS = 2
"""Of its own: it works in threads, while the pool belongs to an event loop."""


_REPLIES = Table(
    "replies",
    MetaData(),
    Column("id", String, primary_key=True),
    *(Column(name, String) for name in ("prompt_md5", "prompt", "llm", "response")),
    Column("idx", Integer),
)


class PostgresReplyCache(SQLAlchemyMd5Cache):
    """Replies by prompt and model string; its asynchronous methods work in `threads`.

    A failure of the database is a psycopg.Error, as with the pool.
    """

    def __init__(self, engine: Engine, threads: Executor) -> None:
        self.engine = engine
        self._threads = threads
        self.cache_schema = _REPLIES.c  # type: ignore[assignment]  # only columns are looked up

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """Return the cached reply to a prompt, or None."""
        with _as_psycopg():
            rows: Sequence[Any] = self._search_rows(prompt, llm_string)
        try:
            return [Generation(text=json.loads(row[0])["kwargs"]["text"]) for row in rows] or None
        except (ValueError, LookupError, TypeError):  # a row that somebody else has written
            return None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Store a reply; it replaces an earlier one."""
        key = sha256(json.dumps([prompt, llm_string]).encode()).hexdigest()
        same = {"prompt_md5": self.get_md5(prompt), "prompt": prompt, "llm": llm_string}
        rows = [
            {"id": f"{key}:{idx}", "idx": idx, "response": dumps(generation), **same}
            for idx, generation in enumerate(return_val)
        ]
        adding = insert(_REPLIES)
        newest = adding.on_conflict_do_update(
            index_elements=["id"], set_={"response": adding.excluded.response}
        )
        with _as_psycopg(), self.engine.begin() as conn:
            conn.execute(newest, rows)

    async def alookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """Return the cached reply to a prompt, or None."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self.lookup, prompt, llm_string
        )

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Store a reply; it replaces an earlier one."""
        await asyncio.get_running_loop().run_in_executor(
            self._threads, self.update, prompt, llm_string, return_val
        )


@contextmanager
def open_reply_cache(url: str) -> Iterator[PostgresReplyCache]:
    """Open the cache of a migrated database for the time of the block."""
    options = connection_options(url, SCHEMA)
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, **options),
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
    )
    threads = ThreadPoolExecutor(_CONNECTIONS, "replies")
    try:
        yield PostgresReplyCache(engine, threads)
    finally:
        # A cancelled call may still run, and uses a connection until it ends.
        threads.shutdown(cancel_futures=True)
        engine.dispose()


@contextmanager
def _as_psycopg() -> Iterator[None]:
    """Raise the driver's own error, as the pool does, so that it is explained in one place."""
    try:
        yield
    except DBAPIError as error:
        raise (error.orig or error) from None
