"""Run the model server, in a thread for the duration of a block or in the foreground."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.support.model_server.counts import Counts
from tests.support.model_server.server import ModelApp
from tests.support.model_server.settings import ModelServerSettings

_KEEP_ALIVE_SECONDS = 60
"""Seconds without a request after which a connection is closed. Clients give one up after five: a
server that did so then too would now and then close one that is just being used again."""
_STOP_SECONDS = 2
"""Seconds after which a stop waits for nothing more."""


class ModelServer(uvicorn.Server):
    """A uvicorn server on the loopback address. Logging stays as configured.

    Raises:
        OSError: the port cannot be used; 0 takes a free one.
    """

    def __init__(self, settings: ModelServerSettings, port: int = 0) -> None:
        self.model_app = ModelApp(settings)
        self.model_app.hang_up = self.hang_up
        super().__init__(
            uvicorn.Config(
                self.model_app.app(),
                log_config=None,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=_STOP_SECONDS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def serve_until_stopped(self) -> None:
        """Serve until `should_exit` is set, or, in the main thread, until a signal."""
        with self._socket:
            self.run(sockets=[self._socket])

    def hang_up(self, client: tuple[str, int]) -> None:
        """Close the connection of a client without a response."""
        for connection in self.server_state.connections:
            if connection.transport.get_extra_info("peername") == client:
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop now, and drop the connections of clients that still wait for a reply."""
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)


class RunningServer:
    """A model server that runs: its address, counts and settings."""

    def __init__(self, url: str, model_app: ModelApp) -> None:
        self.url = url
        self._model_app = model_app

    @property
    def counts(self) -> Counts:
        """Return the counts so far."""
        return self._model_app.counts.snapshot()

    @property
    def settings(self) -> ModelServerSettings:
        """The settings; new ones apply from the next request on, and counts continue."""
        return self._model_app.settings

    @settings.setter
    def settings(self, settings: ModelServerSettings) -> None:
        self._model_app.settings = settings


@contextmanager
def serving(settings: ModelServerSettings | None = None) -> Iterator[RunningServer]:
    """Serve in a thread on a free port until the block ends."""
    server = ModelServer(settings or ModelServerSettings())
    thread = threading.Thread(target=server.serve_until_stopped, name="model server")
    thread.start()
    try:
        yield RunningServer(server.url, server.model_app)
    finally:
        server.should_exit = True
        thread.join()
