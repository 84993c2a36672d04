"""A client with a small prompt, connected to a server with scripted answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field, SecretStr

from prompts.llm.client import ModelClient
from prompts.llm.http_client import EndpointClient
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import Connection, Parameters, load_endpoint
from prompts.template import Fields, Prompt, Reply, Templates
from state.domain import Call
from tests.support.scripted_server import ScriptedAnswer, ScriptedServer, scripted_server

KEY = "sk-not-to-be-shown-0123456789"


class GreetFields(Fields):
    name: str


class Greeting(Reply):
    """A greeting."""

    text: str = Field(min_length=1)
    warmth: int


GREET = Prompt("greet", GreetFields, Greeting)
GOOD = json.dumps({"text": "Hello", "warmth": 3})


@dataclass
class GreetClient:
    """A client, its server, and the calls that were metered."""

    model_client: ModelClient
    endpoint: ScriptedServer
    calls: list[Call] = field(default_factory=list)

    async def ask(self, **more: Any) -> Greeting:  # noqa: ANN401 - passed on as they are
        fields = GreetFields(name="Ada")
        words = {"domain": "CDs"}
        return await self.model_client.ask(GREET, fields, words=words, meter=self.meter, **more)

    async def meter(self, call: Call) -> None:
        self.calls.append(call)

    @property
    def call(self) -> Call:
        (call,) = self.calls
        return call


def greeting_templates() -> Templates:
    with TemporaryDirectory() as folder:
        (Path(folder) / "greet.md").write_text("Greet <name>, who likes {domain}.", "utf-8")
        return Templates((GREET,), Path(folder))


@asynccontextmanager
async def greet_client(*answers: ScriptedAnswer, **options: Any) -> AsyncIterator[GreetClient]:  # noqa: ANN401
    more = {name: options.pop(name) for name in ("callbacks",) if name in options}
    timeout = options.pop("timeout", 5)
    with scripted_server(*answers) as endpoint:
        async with EndpointClient(timeout=5) as client:
            asked = load_endpoint(
                "openai:test",
                parameters=Parameters(timeout=timeout, more=more),
                connection=Connection(base_url=endpoint.url, api_key=SecretStr(KEY), client=client),
                mode=options.pop("mode", "json_schema"),
                price=options.pop("price", None),
            )
            limiter = CallLimiter(options.pop("in_flight", 8))
            templates = options.pop("templates", None) or greeting_templates()
            model_client = ModelClient(
                asked, templates, retry_wait=0.001, limiter=limiter, **options
            )
            yield GreetClient(model_client, endpoint)
