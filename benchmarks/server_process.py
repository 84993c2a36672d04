"""The test server in a process of its own, so that it takes no time from what is measured."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

from state.errors import RecNetError
from tests.support.model_server.settings import ModelServerSettings

_STOP_SECONDS = 10


@contextmanager
def serve_in_process(settings: ModelServerSettings) -> Iterator[str]:
    """Serve on a free port of this machine until the block ends; yields the server's URL.

    Raises:
        RecNetError: the process ended before it served.
    """
    processes = get_context("spawn")
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=_serve, args=(settings, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _url(ours)
    finally:
        process.terminate()
        process.join(_STOP_SECONDS)
        process.kill()


def _url(told: Connection) -> str:
    try:
        return str(told.recv())
    except EOFError:
        raise RecNetError("the test server did not start; try `recnet bench serve`") from None


def _serve(settings: ModelServerSettings, tell: Connection) -> None:
    from tests.support.model_server.serving import ModelServer  # noqa: PLC0415 - only this process needs it

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the other one ends this
    server = ModelServer(settings)
    tell.send(server.url)
    server.serve_until_stopped()
