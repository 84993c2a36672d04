"""The cache of replies, in the same Postgres: the one place that imports `langchain_community`.

Of its `SQLAlchemyMd5Cache` the queries are used. Not used: its constructor, which makes tables (a
migration does); reading by `loads`, which may build any LangChain object a row names; its `clear`,
which fails; and its place inside a model, where it would keep a reply before anybody has read it.
The package is no longer maintained, and says so when it is imported: that one warning is expected.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from langchain_core.outputs import Generation
from sqlalchemy import Engine, Integer, String, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from state.pool import connection_options

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.cache import SQLAlchemyMd5Cache

_CONNECTIONS = 2
"""Of its own: it works in threads, while the pool belongs to an event loop."""


class _Base(DeclarativeBase):
    """The tables of this file."""


class _Reply(_Base):
    """One row of `replies`, as `SQLAlchemyMd5Cache` names its columns."""

    __tablename__ = "replies"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    prompt_md5: Mapped[str]
    prompt: Mapped[str]
    llm: Mapped[str]
    idx: Mapped[int] = mapped_column(Integer)
    response: Mapped[str]


class ReplyCache(SQLAlchemyMd5Cache):
    """Replies by their messages and by what else they depend on; shared by all networks.

    Its asynchronous methods, LangChain's own, work in a thread.

    Raises:
        psycopg.Error: the database failed; the pool raises the same.
    """

    def __init__(self, engine: Engine) -> None:
        # Not the parent's: that one makes tables.
        self.engine = engine
        self.cache_schema = _Reply  # type: ignore[assignment]  # it names a class, and needs columns

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """Return what was kept for a prompt, or None."""
        with _as_psycopg():
            rows: Sequence[Any] = self._search_rows(prompt, llm_string)
        return [Generation(text=json.loads(row[0])["kwargs"]["text"]) for row in rows] or None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep a reply in place of the one that was kept before."""
        with _as_psycopg():
            super().update(prompt, llm_string, return_val)


@contextmanager
def open_reply_cache(url: str) -> Iterator[ReplyCache]:
    """Open the cache of a migrated database for the time of the block."""
    options = connection_options()["options"]
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, options=options),
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
    )
    try:
        yield ReplyCache(engine)
    finally:
        engine.dispose()


@contextmanager
def _as_psycopg() -> Iterator[None]:
    """Raise the driver's own error, as the pool does, so that it is explained in one place."""
    try:
        yield
    except DBAPIError as error:
        raise (error.orig or error) from None
