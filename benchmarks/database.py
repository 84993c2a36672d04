"""A database for benchmarks: a fresh one, or the one that was given."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from state.db.embedded import stop_server
from state.errors import DatabaseError
from state.settings import Settings


@contextmanager
def fresh_database(settings: Settings) -> Iterator[Settings]:
    """Yield settings on an embedded server that has nothing in it and is gone after the block.

    What other work left in files and caches would show in what is measured. It lies in the data
    folder, on the disk that real work is done on. A server that `RECNET_DATABASE_URL` names is
    used as it is.

    Raises:
        DatabaseError: the data folder cannot be used.
    """
    if settings.database_url is not None:
        yield settings
        return
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="bench-", dir=settings.home)
    except OSError as error:
        raise DatabaseError(
            f"{settings.home} cannot be used as a data folder ({error.strerror}): set RECNET_HOME "
            "to one that can be written"
        ) from error
    with folder as name:
        home = Path(name)
        try:
            yield settings.model_copy(update={"home": home})
        finally:
            stop_server(home)
