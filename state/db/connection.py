"""Connections: how all are opened, and one outside the pool, for migrations and for locks."""

from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from state.db.errors import is_full, unreachable
from state.errors import DatabaseError

_OURS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""By which this side finds within a minute that the server's machine or the network is gone."""
_THEIRS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60s",
}
"""By which the server finds as soon that this machine is gone, or a process was suspended in the
midst of a transaction, and drops what the connection locks."""
_FULL_SECONDS = 5.0
"""How long a server that has no connection left is asked again: many programs may have started at
once, and each needs more at its start than later."""


def connection_options(url: str, schema: str | None = None) -> dict[str, Any]:
    """Return the options every connection of the program is opened with; names are in `schema`.

    What the URL sets holds, but for the place of our tables.
    """
    given = conninfo_to_dict(url)
    settings = " ".join(f"-c {name}={value}" for name, value in _THEIRS.items())
    path = f"-c search_path={schema},public" if schema else ""
    options = f"{settings} {given.get('options') or ''} {path}"
    return {name: given.get(name, value) for name, value in _OURS.items()} | {"options": options}


async def connect(
    url: str, *, wait: bool = True, application_name: str | None = None
) -> AsyncConnection[DictRow]:
    """Open one connection outside the pool.

    `wait` retries for a few seconds where the server has none left; other processes see the
    `application_name`.

    Raises:
        DatabaseError: the URL cannot be read, or nobody there lets this program in.
    """
    _require_readable(url)
    options = connection_options(url)
    if application_name is not None:
        options["application_name"] = application_name
    patiently = AsyncRetrying(
        retry=retry_if_exception(is_full),
        stop=stop_after_delay(_FULL_SECONDS if wait else 0),
        wait=wait_random(0.1, 0.5),
        reraise=True,
    )
    try:
        return await patiently(
            AsyncConnection.connect,
            url,
            autocommit=True,
            row_factory=dict_row,
            **options,
        )
    except psycopg.OperationalError as error:
        raise unreachable(error) from error


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
