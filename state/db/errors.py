"""Errors of the database in one line: what happened, and what to do.

No line contains a password: psycopg's own messages name host, port, role and database only, and
`connect` refuses a URL that cannot be parsed.
"""

import psycopg
from psycopg import errors

from state.errors import DatabaseError

_GOES_ON = "no step is half written, so run the same command again"
_CONNECTIONS = (
    "lower RECNET_CONNECTIONS (a process opens up to three more), end other programs, or raise the "
    "server's max_connections, or the CONNECTION LIMIT of the role or database"
)
_TOO_MANY = ("too many connections", "too many clients", "connection slots are reserved")
"""Message texts for a refused connection; no SQLSTATE is available at that point."""

_ADVICE: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.DiskFull, f"the database's disk is full: free space on the server; {_GOES_ON}"),
    (errors.OutOfMemory, f"the database is out of memory ({{said}}): give it more; {_GOES_ON}"),
    (
        errors.InsufficientPrivilege,
        "the database refuses: {said}; grant that right to the role in RECNET_DATABASE_URL, or "
        "connect as one that has it",
    ),
    (
        errors.ReadOnlySqlTransaction,
        "the database is read-only (a standby, or default_transaction_read_only): "
        "set RECNET_DATABASE_URL to one that can be written",
    ),
)


def explain(error: psycopg.Error) -> str:
    """Return one line for any error of the database."""
    return advice(error) or f"the database failed: {_said(error)}"


def advice(error: psycopg.Error) -> str | None:
    """Return one line for an error that a person can fix; None for a bug."""
    said = _said(error)
    for kind, line in _ADVICE:
        if isinstance(error, kind):
            return line.format(said=said)
    if is_full(error):
        return f"the database has no connection left ({said}): {_CONNECTIONS}"
    if _is_lost(error):
        return (
            f"the connection to the database was lost ({said}): check that the server runs; "
            f"{_GOES_ON}"
        )
    return None


def is_lost(error: BaseException) -> bool:
    """Return whether the database went away, so that a retry may work once it is back."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    return isinstance(cause, psycopg.Error) and _is_lost(cause) and not is_full(cause)


def unreachable(error: psycopg.OperationalError) -> DatabaseError:
    """Return the error to raise when a connection could not be opened."""
    if is_full(error):
        return DatabaseError(explain(error))
    return DatabaseError(
        f"cannot connect to the database: {_said(error)}; check RECNET_DATABASE_URL, "
        "or unset it to use the embedded server"
    )


def is_full(error: BaseException) -> bool:
    """Return whether the server or the role has no connection left."""
    said = str(error)
    return isinstance(error, errors.TooManyConnections) or (
        isinstance(error, psycopg.OperationalError) and any(words in said for words in _TOO_MANY)
    )


def _is_lost(error: psycopg.Error) -> bool:
    """Return whether a connection broke: with an error code of the server, or without any."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(("57P", "08", "25P03"))  # 25P03: suspended in a transaction


def _said(error: psycopg.Error) -> str:
    """Return the message of the server or the driver on one line, without query and context."""
    # If a host has several addresses, the first failure is enough.
    said = error.diag.message_primary or str(error).partition("\nMultiple connection attempts")[0]
    return " ".join(said.split()) or type(error).__name__
