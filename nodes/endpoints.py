"""Endpoints: the models and the encoder as the settings name them, for the time of a block."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prompts.llm.embeddings import Encoder, load_encoder
from prompts.llm.errors import ModelError
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import COMPATIBLE, Connection, Endpoint, Parameters, load_endpoint
from prompts.llm.retries import SHORTEST_KEY
from prompts.registry import PROMPTS
from state.settings import Settings

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What answers and what embeds; all of it passes one limiter."""

    model: Endpoint
    others: Mapping[str, Endpoint]
    """By the name of a prompt, where another model answers it."""
    encoder: Encoder
    limiter: CallLimiter


@asynccontextmanager
async def open_endpoints(settings: Settings) -> AsyncIterator[Endpoints]:
    """Load models and encoder, with connections that are closed at the end of the block.

    Raises:
        ModelError: one is not known, lacks its package, key or price, or is named for no prompt.
    """
    _require_prompts(settings)
    limiter = CallLimiter(
        settings.calls_in_flight, settings.requests_per_minute, settings.tokens_per_minute
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
                connection=_of_encoder(settings, served),
                tries=settings.tries,
                wait=settings.retry_wait,
                limiter=limiter,
            ),
            limiter=limiter,
        )
        _require_prices(settings, endpoints)
        yield endpoints


def _client(settings: Settings) -> "DefaultAsyncHttpxClient":
    from openai import DefaultAsyncHttpxClient  # noqa: PLC0415 - takes a second

    hooks = {"response": [_without(_keys(settings))]}
    return DefaultAsyncHttpxClient(timeout=settings.timeout, event_hooks=hooks)


def _keys(settings: Settings) -> list[bytes]:
    """Return the keys that endpoints are sent."""
    headers = settings.model_options.get("default_headers")
    keys = [key.get_secret_value() for key in (settings.api_key, settings.embedding_api_key) if key]
    keys += map(str, headers.values()) if isinstance(headers, dict) else ()
    return [key.encode() for key in keys if len(key) >= SHORTEST_KEY]


def _without(keys: list[bytes]) -> Callable[[Any], Awaitable[None]]:
    """Return what masks keys in a response before anybody reads, logs or traces it."""

    async def clean(response: Any) -> None:  # noqa: ANN401 - of the library's HTTP client
        content = await response.aread()
        for key in keys:
            content = content.replace(key, b"***")
        response._content = content  # noqa: SLF001 - it has no other way in

    return clean


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
        means=settings.structured_output,
        price=settings.prices.get(name),
        setting=setting,
    )


def _of_encoder(settings: Settings, served: Connection) -> Connection:
    """Return where the encoder is reached; an address of its own never gets the models' key."""
    if settings.embedding_base_url is None and settings.embedding_api_key is None:
        return served
    return Connection(
        base_url=settings.embedding_base_url or settings.base_url,
        api_key=settings.embedding_api_key,
        client=served.client,
    )


def _require_prompts(settings: Settings) -> None:
    known = [prompt.name for prompt in PROMPTS]
    for name in settings.models:
        if name not in known:
            raise ModelError(
                f"RECNET_MODELS: no prompt is called '{name}'; prompts: {', '.join(known)}"
            )


def _require_prices(settings: Settings, endpoints: Endpoints) -> None:
    """Refuse a budget in money that could not be kept."""
    if settings.budget_money is None:
        return
    for endpoint in (endpoints.model, *endpoints.others.values()):
        if endpoint.price is None:
            raise ModelError(
                f"RECNET_BUDGET_MONEY needs the price of {endpoint.name}: "
                f"set RECNET_PRICES={endpoint.name}=IN/OUT, for a million tokens each"
            )
