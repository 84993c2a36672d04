"""The test server as a Starlette application: the offline model behind OpenAI's protocol."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.model_server import protocol
from tests.support.model_server.answers import PreparedAnswer, answer_chat, answer_embeddings
from tests.support.model_server.counts import RunningCounts
from tests.support.model_server.draws import Draws
from tests.support.model_server.faults import Fault
from tests.support.model_server.protocol import Body, RefusedError
from tests.support.model_server.settings import ModelServerSettings

MODEL = "offline"

_NOBODY = Response()
"""For a client that has disconnected."""


class ModelApp:
    """Answers requests according to its settings, which may be replaced at any time.

    The server that runs the application sets `hang_up`, which closes the connection of the client
    with the given address.
    """

    def __init__(self, settings: ModelServerSettings) -> None:
        self.settings = settings
        self.counts = RunningCounts()
        self.hang_up: Callable[[tuple[str, int]], None] | None = None
        self._draws = Draws()

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._posted(answer_chat), methods=["POST"]),
                Route("/v1/embeddings", self._posted(answer_embeddings), methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/stats", self._stats),
            ]
        )

    async def _stats(self, _: Request) -> Response:
        return JSONResponse(self.counts.snapshot().model_dump(mode="json"))

    async def _models(self, request: Request) -> Response:
        settings = self.settings
        try:
            _admit(request, settings)
        except RefusedError as refused:
            return self._refusal(refused)
        return JSONResponse(protocol.models(settings.models or (MODEL,)))

    def _posted(
        self, answering: Callable[[Body, ModelServerSettings], PreparedAnswer]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            settings = self.settings  # they may be replaced while this request waits
            with self.counts.request():
                try:
                    _admit(request, settings)
                    answer = answering(await _read(request), settings)
                except RefusedError as refused:
                    return self._refusal(refused)
                return await self._reply(request, settings, answer)

        return respond

    async def _reply(
        self, request: Request, settings: ModelServerSettings, answer: PreparedAnswer
    ) -> Response:
        fault = self._draws.draw(answer.call, answer.kinds, settings)
        self.counts.asked[answer.schema] += 1
        if fault is not None:
            self.counts.faults[fault] += 1
        wait = settings.latency + (settings.hang if fault is Fault.HANG else 0.0)
        if wait and await _leaves_within(request, wait):
            return _NOBODY
        match fault:
            case Fault.BUSY:
                return _busy(settings.retry_after)
            case Fault.SERVER_ERROR:
                return _error(RefusedError(500, "The server had an error.", kind="server_error"))
            case Fault.DROPPED:
                return await self._drop(request)
            case None | Fault.HANG:
                self.counts.answered += 1
        return JSONResponse(answer.write(fault))

    async def _drop(self, request: Request) -> Response:
        if self.hang_up is None or request.client is None:
            raise RuntimeError("what serves the application cannot close a connection")
        self.hang_up(request.client)
        await request.receive()  # until the connection is closed
        return _NOBODY

    def _refusal(self, refused: RefusedError) -> Response:
        self.counts.refused[refused.status] += 1
        return _error(refused)


def _admit(request: Request, settings: ModelServerSettings) -> None:
    """Refuse a wrong key; quote it as real endpoints do, because clients must not show it."""
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if settings.key is not None and sent != settings.key:
        raise RefusedError(401, f"Incorrect API key provided: {sent}.", code="invalid_api_key")


async def _read(request: Request) -> Body:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RefusedError(400, "We could not parse the JSON body of your request.")
    return body


async def _leaves_within(request: Request, seconds: float) -> bool:
    """Wait; return whether the client disconnected meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await request.receive()  # the body is read: all that can come is the end
    except TimeoutError:
        return False
    return True


def _busy(retry_after: float) -> Response:
    busy = RefusedError(429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded")
    return _error(busy, {"Retry-After": f"{retry_after:g}"})


def _error(error: RefusedError, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(error.body, error.status, headers)
