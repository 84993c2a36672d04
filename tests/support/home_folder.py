"""A data folder for an embedded server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from state.db.embedded import stop_server


@contextmanager
def home_folder() -> Iterator[Path]:
    """Make a data folder for an embedded server, and stop the server and remove it at the end.

    Not under pytest's own: it closes that to others whenever a session starts, and run as root the
    server belongs to another user.
    """
    with TemporaryDirectory(prefix="recnet-") as folder:
        home = Path(folder)
        try:
            yield home
        finally:
            stop_server(home)
