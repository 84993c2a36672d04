"""One connection outside the pool: for migrations, and for locks that last as long as it does."""

import re

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from state.errors import DatabaseError
from state.failures import unreachable

_PASSWORD_CUT = re.compile(r"[a-z]+://[^?]*(@[^?]*@|/[^?]*@)")
"""A URL whose password ends early for libpq, which would name the rest as host or database."""
_CONNECT_SECONDS = 10


async def connect(url: str) -> AsyncConnection[DictRow]:
    """Open one connection outside the pool.

    Raises:
        DatabaseError: the URL cannot be read, or nobody there lets this program in.
    """
    if _PASSWORD_CUT.match(url):
        raise DatabaseError(
            "the password in RECNET_DATABASE_URL holds an @ or a /: "
            "write them as %40 and %2F (percent-encoded)"
        )
    try:
        return await AsyncConnection.connect(
            url, autocommit=True, row_factory=dict_row, connect_timeout=_CONNECT_SECONDS
        )
    except psycopg.ProgrammingError:
        # The cause is cut off: it quotes the URL, password and all.
        raise DatabaseError(
            "RECNET_DATABASE_URL is no URL of a PostgreSQL database: "
            "write it as postgresql://user:password@host:5432/name"
        ) from None
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
