"""Endpoints: the models and the encoder that the settings name, for the time of a block."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompts.llm.embeddings import Encoder, load_encoder
from prompts.llm.error_messages import SHORTEST_KEY
from prompts.llm.errors import ModelError
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import COMPATIBLE, Connection, Endpoint, Parameters, load_endpoint
from prompts.registry import PROMPTS
from state.settings import Settings

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The models and the encoder; their requests pass one limiter."""

    model: Endpoint
    others: Mapping[str, Endpoint]
    """By the name of a prompt that another model answers."""
    encoder: Encoder
    limiter: CallLimiter


@asynccontextmanager
async def open_endpoints(settings: Settings) -> AsyncIterator[Endpoints]:
    """Load models and encoder, with connections that are closed at the end of the block.

    Raises:
        ModelError: a model is not known, lacks its package, key or price, or is set for a prompt
            that does not exist.
    """
    _require_prompts(settings)
    limiter = CallLimiter(
        settings.max_concurrent_calls, settings.requests_per_minute, settings.tokens_per_minute
    )
    async with AsyncExitStack() as stack:
        client = None
        names = (settings.model, settings.embedding, *settings.models.values())
        if any(name.startswith(COMPATIBLE) for name in names):
            client = await stack.enter_async_context(_client(settings))
        served = Connection(base_url=settings.base_url, api_key=settings.api_key, client=client)
        endpoints = Endpoints(
            model=_load(settings, settings.model, served, "RECNET_MODEL"),
            others={
                prompt: _load(settings, name, served, "RECNET_MODELS")
                for prompt, name in settings.models.items()
            },
            encoder=load_encoder(
                settings.embedding,
                timeout=settings.timeout,
                connection=_encoder_connection(settings, served),
                request_attempts=settings.request_attempts,
                retry_wait=settings.retry_wait,
                limiter=limiter,
            ),
            limiter=limiter,
        )
        _require_prices(settings, endpoints)
        yield endpoints


def _client(settings: Settings) -> "DefaultAsyncHttpxClient":
    """Return the HTTP client of all endpoints, which masks every key that they are sent."""
    from prompts.llm.http_client import EndpointClient  # noqa: PLC0415 - takes a second

    headers = settings.model_options.get("default_headers")
    keys = [key.get_secret_value() for key in (settings.api_key, settings.embedding_api_key) if key]
    keys += map(str, headers.values()) if isinstance(headers, dict) else ()
    keys = [key for key in keys if len(key) >= SHORTEST_KEY]
    return EndpointClient(timeout=settings.timeout, keys=keys)


def _load(settings: Settings, name: str, connection: Connection, setting: str) -> Endpoint:
    temperature = settings.temperature
    return load_endpoint(
        name,
        parameters=Parameters(
            temperature=None if temperature == "default" else temperature,
            timeout=settings.timeout,
            max_tokens=settings.max_tokens,
            more=settings.model_options,
        ),
        connection=connection,
        mode=settings.structured_output,
        price=settings.prices.get(name),
        setting=setting,
    )


def _encoder_connection(settings: Settings, served: Connection) -> Connection:
    """Return the encoder's connection; an address of its own never gets the models' key."""
    if settings.embedding_base_url is None and settings.embedding_api_key is None:
        return served
    return Connection(
        base_url=settings.embedding_base_url or settings.base_url,
        api_key=settings.embedding_api_key,
        client=served.client,
    )


def _require_prompts(settings: Settings) -> None:
    """Refuse a model that is set for a prompt that does not exist."""
    known = [prompt.name for prompt in PROMPTS]
    for name in settings.models:
        if name not in known:
            raise ModelError(
                f"RECNET_MODELS: no prompt is called '{name}'; prompts: {', '.join(known)}"
            )


def _require_prices(settings: Settings, endpoints: Endpoints) -> None:
    """Refuse a budget in money where the price of a model is not set."""
    if settings.budget_money is None:
        return
    for endpoint in (endpoints.model, *endpoints.others.values()):
        if endpoint.price is None:
            raise ModelError(
                f"RECNET_BUDGET_MONEY needs the price of {endpoint.name}: "
                f"set RECNET_PRICES={endpoint.name}=IN/OUT, for a million tokens each"
            )
