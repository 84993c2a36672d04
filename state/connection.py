"""One connection outside the pool: for migrations, and for locks that last as long as it does."""

from typing import LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from state.errors import DatabaseError
from state.failures import is_full, unreachable

_CONNECT_SECONDS = 10
_KEEPALIVES: tuple[LiteralString, ...] = (
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
)
"""By which the server finds within a minute that this machine or the network is gone, and drops
what the connection locks."""
_FULL_SECONDS = 5.0
"""How long a server that has no connection left is asked again: many programs may have started at
once, and each needs more at its start than later."""


async def connect(url: str, *, wait: bool = True) -> AsyncConnection[DictRow]:
    """Open one connection outside the pool; `wait` a while where the server has none left.

    Raises:
        DatabaseError: the URL cannot be read, or nobody there lets this program in.
    """
    _require_readable(url)
    patiently = AsyncRetrying(
        retry=retry_if_exception(is_full),
        stop=stop_after_delay(_FULL_SECONDS if wait else 0),
        wait=wait_random(0.1, 0.5),
        reraise=True,
    )
    try:
        return await patiently(_connect, url)
    except psycopg.OperationalError as error:
        raise unreachable(error) from error


async def _connect(url: str) -> AsyncConnection[DictRow]:
    conn = await AsyncConnection.connect(
        url, autocommit=True, row_factory=dict_row, connect_timeout=_CONNECT_SECONDS
    )
    try:
        for setting in _KEEPALIVES:
            await conn.execute(setting)
    except BaseException:
        await conn.close()
        raise
    return conn


def _require_readable(url: str) -> None:
    """Refuse a URL that is none, or whose password ends early for libpq.

    libpq would take the rest of that password for a host, a port or a setting, and name it in its
    error. Causes are cut off: they quote the URL, password and all.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise DatabaseError(
            "RECNET_DATABASE_URL is no URL of a PostgreSQL database: "
            "write it as postgresql://user:password@host:5432/name"
        ) from None
    open_to_view = {name for name in parts if name not in ("user", "password")}
    if "%40" in url:
        open_to_view.discard("dbname")  # whose name may well hold one
    no_ports = parts.get("port", "").strip(",0123456789")
    if no_ports or any("@" in parts[name] for name in open_to_view):
        raise DatabaseError(
            "RECNET_DATABASE_URL cannot be read: in its password write @ as %40, / as %2F and "
            "? as %3F (percent-encoded)"
        )
