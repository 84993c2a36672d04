"""Runs the test server: in a thread for the time of a block, or in the foreground."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.support.model_server.counts import Counts
from tests.support.model_server.server import Bench
from tests.support.model_server.settings import BenchSettings

_KEEP_ALIVE_SECONDS = 60
"""Seconds without a request after which a connection is closed. Clients give one up after five: a
server that did so then too would now and then close one that is just being used again."""
_STOP_SECONDS = 2
"""Seconds after which a stop waits for nothing more."""


class BenchServer(uvicorn.Server):
    """A uvicorn server on this machine's own address; it leaves logging as it is.

    Raises:
        OSError: the port cannot be used; 0 takes a free one.
    """

    def __init__(self, settings: BenchSettings, port: int = 0) -> None:
        self.bench = Bench(settings)
        self.bench.hang_up = self.hang_up
        super().__init__(
            uvicorn.Config(
                self.bench.app(),
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
        """Close the connection of a client without a word."""
        for connection in self.server_state.connections:
            if connection.transport.get_extra_info("peername") == client:
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop now: who still waits for a reply is hung up on."""
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)


class Endpoint:
    """A test server that runs: its address, what it has seen, and how it behaves."""

    def __init__(self, url: str, bench: Bench) -> None:
        self.url = url
        self._bench = bench

    @property
    def counts(self) -> Counts:
        """Return what the server has seen so far."""
        return self._bench.tally.snapshot()

    @property
    def settings(self) -> BenchSettings:
        """How the server behaves; set, they hold from the next request on, and no count is lost."""
        return self._bench.settings

    @settings.setter
    def settings(self, settings: BenchSettings) -> None:
        self._bench.settings = settings


@contextmanager
def serving(settings: BenchSettings | None = None) -> Iterator[Endpoint]:
    """Serve on a free port of this machine, in a thread of its own, until the block ends."""
    server = BenchServer(settings or BenchSettings())
    thread = threading.Thread(target=server.serve_until_stopped, name="recnet bench")
    thread.start()
    try:
        yield Endpoint(server.url, server.bench)
    finally:
        server.should_exit = True
        thread.join()
