"""A caller with a small prompt, before a server with written answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openai
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr

from prompts.call import Caller
from prompts.gate import Gate
from prompts.template import Fields, Prompt, Reply, Templates
from state.domain import Call
from tests.prompts.endpoint import Answer, Endpoint, serving
from tests.served import served

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
class Bench:
    """A caller, the server behind it, and what was metered."""

    caller: Caller
    endpoint: Endpoint
    calls: list[Call] = field(default_factory=list)

    async def ask(self, **more: Any) -> Greeting:  # noqa: ANN401 - passed on as they are
        async def meter(call: Call) -> None:
            self.calls.append(call)

        fields = GreetFields(name="Ada")
        return await self.caller.ask(GREET, fields, words={"domain": "CDs"}, meter=meter, **more)

    @property
    def call(self) -> Call:
        (call,) = self.calls
        return call


def greeting_templates() -> Templates:
    with TemporaryDirectory() as folder:
        (Path(folder) / "greet.md").write_text("Greet <name>, who likes {domain}.", "utf-8")
        return Templates((GREET,), Path(folder))


@asynccontextmanager
async def bench(*answers: Answer, **options: Any) -> AsyncIterator[Bench]:  # noqa: ANN401
    callbacks = options.pop("callbacks", None)
    timeout = options.pop("timeout", 5)
    with serving(*answers) as endpoint:
        async with openai.DefaultAsyncHttpxClient(timeout=5) as client:
            model = ChatOpenAI(
                model="test",
                base_url=endpoint.url,
                api_key=SecretStr(KEY),
                timeout=timeout,
                max_retries=0,
                http_async_client=client,
                callbacks=callbacks,
            )
            gate = Gate(options.pop("in_flight", 8))
            shape = {name: options.pop(name) for name in ("means", "price") if name in options}
            asked = served(model, "openai:test", timeout=timeout, **shape)
            caller = Caller(asked, greeting_templates(), wait=0.001, gate=gate, **options)
            yield Bench(caller, endpoint)
