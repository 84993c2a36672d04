"""One connection outside the pool: for migrations, and for locks that last as long as it does."""

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

from state.errors import DatabaseError
from state.failures import unreachable

_CONNECT_SECONDS = 10


async def connect(url: str) -> AsyncConnection[DictRow]:
    """Open one connection outside the pool.

    Raises:
        DatabaseError: the URL cannot be read, or nobody there lets this program in.
    """
    _require_readable(url)
    try:
        return await AsyncConnection.connect(
            url, autocommit=True, row_factory=dict_row, connect_timeout=_CONNECT_SECONDS
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
