"""Connections: the options of all of them, and one outside the pool for migrations and locks."""

from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from state.db.errors import is_full, unreachable
from state.errors import DatabaseError

_CLIENT_OPTIONS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""With these the client finds out within a minute that the server or the network is gone."""
_SERVER_OPTIONS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60s",
}
"""With these the server finds out as soon that this machine is gone, or that a process was
suspended inside a transaction, and releases its locks."""
_FULL_SECONDS = 5.0
"""How long a server without a free connection is retried: many programs may start at the same time,
and each needs more connections at its start than later."""


def connection_options(url: str, schema: str | None = None) -> dict[str, Any]:
    """Return the options of every connection; those in the URL win, except for the `schema`."""
    given = conninfo_to_dict(url)
    settings = " ".join(f"-c {name}={value}" for name, value in _SERVER_OPTIONS.items())
    path = f"-c search_path={schema},public" if schema else ""
    options = f"{settings} {given.get('options') or ''} {path}"
    return {name: given.get(name, value) for name, value in _CLIENT_OPTIONS.items()} | {
        "options": options
    }


async def connect(
    url: str, *, wait: bool = True, application_name: str | None = None
) -> AsyncConnection[DictRow]:
    """Open one connection outside the pool; other processes see the `application_name`.

    `wait` retries for a few seconds where the server has none left. A DatabaseError says that the
    URL cannot be read, or that the connection was refused.
    """
    _require_readable(url)
    options = connection_options(url)
    if application_name is not None:
        options["application_name"] = application_name
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_full),
        stop=stop_after_delay(_FULL_SECONDS if wait else 0),
        wait=wait_random(0.1, 0.5),
        reraise=True,
    )
    try:
        return await retrying(
            AsyncConnection.connect, url, autocommit=True, row_factory=dict_row, **options
        )
    except psycopg.OperationalError as error:
        raise unreachable(error) from error


def _require_readable(url: str) -> None:
    """Refuse a URL that libpq cannot parse, or whose password it would cut short.

    libpq would read the rest of the password as a host, a port or a setting, and name it in its
    error. Causes are left out, because they quote the URL with its password.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise DatabaseError(
            "RECNET_DATABASE_URL is not the URL of a PostgreSQL database: "
            "write it as postgresql://user:password@host:5432/name"
        ) from None
    may_hold_at = {"user", "password", "dbname"} if "%40" in url else {"user", "password"}
    no_ports = parts.get("port", "").strip(",0123456789")
    if no_ports or any("@" in parts[name] for name in parts.keys() - may_hold_at):
        raise DatabaseError(
            "RECNET_DATABASE_URL cannot be read: in its password write @ as %40, / as %2F and "
            "? as %3F (percent-encoded)"
        )
