"""OpenAI and LangChain clients of the test server, and one prompt to send."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages import convert_to_openai_messages as as_openai
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletion
from pydantic import SecretStr

from prompts.offline.model import OfflineModel
from prompts.predict import PREDICT, Option, Predict, PredictFields
from prompts.registry import PROMPTS
from prompts.template import Templates
from tests.support.model_server.settings import Means

KEY = "sk-not-to-be-shown-0123456789"
SCHEMA = {
    "name": "Predict",
    "schema": convert_to_json_schema(Predict, strict=True),
    "strict": True,
}
_IN_WORDS = "Reply with one JSON object that fits this JSON schema, and nothing else:\n"
_TEMPLATES = Templates(PROMPTS)


def prompt(taste: str = "folk rock") -> list[BaseMessage]:
    """Return the messages of a prediction; each taste makes a different call."""
    options = (
        Option(name="A", title="Party", profile='"Party"\nAbout: Polka.'),
        Option(name="B", title="Blue", profile='"Blue"\nAbout: Folk Rock.'),
    )
    fields = PredictFields(user=f"Enjoys: {taste}; piano.", options=options)
    return _TEMPLATES.messages(PREDICT, fields, {"domain": "CDs"})


def request(means: Means, messages: list[BaseMessage]) -> dict[str, Any]:
    """Return the parameters of a request for the prediction by `means`."""
    more: dict[str, Any] = {}
    match means:
        case Means.JSON_SCHEMA:
            more = {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}
        case Means.FUNCTION_CALLING:
            function = {"name": "Predict", "parameters": SCHEMA["schema"]}
            choice = {"type": "function", "function": {"name": "Predict"}}
            more = {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
        case Means.TEXT:
            first, *others = messages
            schema = json.dumps(Predict.model_json_schema())
            messages = [SystemMessage(f"{first.text}\n\n{_IN_WORDS}{schema}"), *others]
    return {"model": "offline", "messages": as_openai(messages), **more}


def in_process(messages: list[BaseMessage]) -> AIMessage:
    """Return the reply of the offline model in this process."""
    asked = request(Means.JSON_SCHEMA, messages)["response_format"]
    reply = OfflineModel().invoke(messages, response_format=asked)
    assert isinstance(reply, AIMessage)
    return reply


@asynccontextmanager
async def client(url: str, key: str = KEY, **more: Any) -> AsyncIterator[openai.AsyncOpenAI]:  # noqa: ANN401
    """Open OpenAI's client without retries."""
    async with openai.AsyncOpenAI(
        base_url=url, api_key=key, max_retries=0, **{"timeout": 10, **more}
    ) as opened:
        yield opened


@asynccontextmanager
async def chat_model(url: str) -> AsyncIterator[ChatOpenAI]:
    """Open LangChain's chat model without retries."""
    async with openai.DefaultAsyncHttpxClient() as http:
        yield ChatOpenAI(
            model="offline",
            base_url=url,
            api_key=SecretStr(KEY),
            max_retries=0,
            http_async_client=http,
        )


async def ask(
    opened: openai.AsyncOpenAI,
    messages: list[BaseMessage] | None = None,
    means: Means = Means.JSON_SCHEMA,
    **more: Any,  # noqa: ANN401 - parameters of the request
) -> ChatCompletion:
    """Ask for a prediction."""
    asked = {**request(means, messages or prompt()), **more}
    reply = await opened.chat.completions.create(**asked)
    assert isinstance(reply, ChatCompletion)
    return reply


async def outcome(
    opened: openai.AsyncOpenAI, messages: list[BaseMessage], means: Means = Means.JSON_SCHEMA
) -> str:
    """Return the text of a reply, or a short name of the failure."""
    try:
        return str((await ask(opened, messages, means)).choices[0].message.content)
    except openai.APIStatusError as error:
        return str(error.status_code)
    except openai.APIConnectionError:
        return "no connection"


def asked_again(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Return the messages that ask again after a bad reply."""
    return [*messages, AIMessage("{}"), HumanMessage("It was not valid.")]
