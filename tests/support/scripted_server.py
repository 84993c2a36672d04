"""A small HTTP server that speaks OpenAI's protocols and gives scripted answers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_BEAT = 0.05
"""Seconds between two spaces of a slow body."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One response: a chat completion of `text`, or `body` as it is."""

    text: str = ""
    status: int = 200
    body: dict[str, Any] | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    finish: str = "stop"
    refusal: str | None = None
    arguments: str | None = None
    """The arguments of a function call, which is sent in place of the text."""
    reasoning: str = ""
    """Reasoning, sent in a field of its own."""
    usage: tuple[int, int] = (10, 5)
    delay: float = 0.0
    trickle: float = 0.0
    """Seconds of spaces before the body."""
    dropped: bool = False
    """Close the connection without a response."""

    def payload(self) -> bytes:
        if isinstance(self.body, str):
            return self.body.encode()
        message: dict[str, Any] = {"role": "assistant", "refusal": self.refusal}
        message["content"] = self.text if self.arguments is None else None
        if self.arguments is not None:
            function = {"name": "Greeting", "arguments": self.arguments}
            message["tool_calls"] = [{"id": "1", "type": "function", "function": function}]
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        used = dict(zip(("prompt_tokens", "completion_tokens"), self.usage, strict=True))
        completion = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "test",
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish}],
            "usage": {**used, "total_tokens": sum(self.usage)},
        }
        return json.dumps(completion if self.body is None else self.body).encode()


def failure(status: int, message: str, *, code: str | None = None, **more: str) -> Answer:
    error = {"message": message, "type": "error", "code": code}
    return Answer(status=status, body={"error": error}, headers=more)


def vectors_answer(*rows: list[float]) -> Answer:
    """Return the answer to a request for embeddings."""
    data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return Answer(body={"object": "list", "model": "test", "data": data, "usage": usage})


ScriptedAnswer = Answer | Callable[[dict[str, Any]], Answer]
"""An answer, or a function from the body of a request to one."""


@dataclass
class ScriptedServer:
    """The server's address and the requests it has seen."""

    url: str
    answers: list[ScriptedAnswer]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """The `Authorization` of each request."""
    most_at_once: int = 0
    close: Callable[[], None] = lambda: None
    """Stop the server before the block ends."""
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: dict[str, Any], key: str) -> Answer:
        """Return the next answer; the last one is repeated."""
        with self._lock:
            self.requests.append(request)
            self.keys.append(key)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        return answer if isinstance(answer, Answer) else answer(request)

    def done(self) -> None:
        with self._lock:
            self._now -= 1


@contextmanager
def scripted_server(*answers: ScriptedAnswer) -> Iterator[ScriptedServer]:
    """Serve `answers` on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            key = self.headers.get("authorization", "")
            answer = endpoint.take(json.loads(self.rfile.read(length)), key)
            time.sleep(answer.delay)
            endpoint.done()
            if not answer.dropped:
                with suppress(ConnectionError):  # who waits no longer has gone
                    self._respond(answer)

        def _respond(self, answer: Answer) -> None:
            blanks = round(answer.trickle / _BEAT)
            payload = answer.payload()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(blanks + len(payload)))
            self.end_headers()
            for _ in range(blanks):
                self.wfile.write(b" ")
                time.sleep(_BEAT)
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = ScriptedServer(f"http://127.0.0.1:{server.server_port}/v1", list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    endpoint.close = close
    thread.start()
    try:
        yield endpoint
    finally:
        close()
