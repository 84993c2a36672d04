"""Resources: the database pool, the models and the encoder that nodes work with.

`RecNet` or the Agent Server's lifespan opens and closes them. `RecNet` binds its own to each
run that it starts; the Agent Server serves one for all runs of its process.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial

from prompts.llm.budget import Budget
from prompts.llm.client import ModelClient
from prompts.llm.embeddings import Encoder, load_encoder
from prompts.llm.error_messages import SHORTEST_KEY
from prompts.llm.errors import ModelError
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import (
    COMPATIBLE,
    OFFLINE,
    Connection,
    Endpoint,
    Parameters,
    load_endpoint,
)
from prompts.registry import PROMPTS
from prompts.template import Templates
from state.db import pool as database
from state.db.embedded import database_url
from state.db.locks import Locks
from state.domain import Call
from state.settings import Settings
from state.store.networks import NetworkRecord
from state.store.usage import begin_run


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The models and the encoder; their requests pass one limiter."""

    model: Endpoint
    others: Mapping[str, Endpoint]
    """By the name of a prompt that another model answers."""
    encoder: Encoder
    limiter: CallLimiter


@dataclass(frozen=True, slots=True)
class Resources:
    """What nodes work with."""

    settings: Settings
    url: str
    """The address of the database; that of the embedded server where none was set."""
    pool: database.Pool
    model_client: ModelClient
    encoder: Encoder
    limiter: CallLimiter
    """Limits all requests to models and encoder."""
    budget: Budget
    """Counts what this process has spent, and stops it at its budget."""
    locks: Locks
    command: str = ""
    """The name of the command, under which usage is stored."""
    networks: dict[str, NetworkRecord] = field(default_factory=dict)
    """A cache of the networks' records, whose settings never change."""
    runs: list[int] = field(default_factory=list)
    """The id under which usage is stored, once a call was made."""
    unsaved: list[tuple[int, str, Call]] = field(default_factory=list)
    """Calls, with network and step, that are not yet stored as usage: the database was away."""
    _naming: asyncio.Lock = field(default_factory=asyncio.Lock)

    @contextmanager
    def bound(self) -> Iterator[None]:
        """Let the nodes of runs that are started inside the block work with these resources."""
        token = _BOUND.set(self)
        try:
            yield
        finally:
            _BOUND.reset(token)

    async def run(self, conn: database.Connection) -> int:
        """Return the id under which usage is stored; the first call of a process creates it."""
        async with self._naming:
            if not self.runs:
                self.runs.append(await begin_run(conn, self.command))
        return self.runs[0]


_BOUND: ContextVar[Resources] = ContextVar("resources")
_served: list[Resources] = []


def resources() -> Resources:
    """Return the resources of this run: those its `RecNet` bound, else those that are served."""
    if (bound := _BOUND.get(None)) is not None:
        return bound
    if not _served:
        raise RuntimeError("no resources are open: run graphs through workflows.RecNet")
    return _served[-1]


@contextmanager
def serve(held: Resources) -> Iterator[None]:
    """Let runs that no `RecNet` starts work with these resources, for the time of the block.

    The Agent Server needs it, because a context variable set in its lifespan does not reach a node.
    """
    _served.append(held)
    try:
        yield
    finally:
        _served.remove(held)


@asynccontextmanager
async def open_resources(
    settings: Settings, *, command: str = "python", cache: bool = False
) -> AsyncIterator[Resources]:
    """Open pool, models and encoder for the time of the block, and check the templates.

    Usage is stored under the name of the command. `cache` says whether replies are cached where the
    settings leave that open.

    Raises:
        RecNetError: the database cannot be used.
        CallError: a model or the encoder is unknown or lacks its key.
        TemplateError: an edited template does not fit its prompt.
    """
    templates = Templates(PROMPTS, settings.templates)
    budget = Budget(settings.budget_calls, settings.budget_tokens, settings.budget_money)
    async with AsyncExitStack() as stack:
        endpoints = await stack.enter_async_context(open_endpoints(settings))
        # Starting the embedded server blocks, which an event loop that serves requests must not.
        url = await asyncio.to_thread(database_url, settings)
        pool = await stack.enter_async_context(database.open_pool(url, settings.connections))
        endpoints.limiter.wait_for_storage = partial(database.require_database, pool)
        replies = None
        models = {endpoint.name for endpoint in (endpoints.model, *endpoints.others.values())}
        if models != {OFFLINE} and (cache if settings.cache is None else settings.cache):
            # Imported late: it takes a second, and live use does not need it.
            from state.store.reply_cache import open_reply_cache  # noqa: PLC0415

            replies = stack.enter_context(open_reply_cache(url))
        locks = Locks(url, command)
        stack.push_async_callback(locks.close)
        model_client = ModelClient(
            endpoints.model,
            templates,
            others=endpoints.others,
            reply_attempts=settings.reply_attempts,
            request_attempts=settings.request_attempts,
            retry_wait=settings.retry_wait,
            limiter=endpoints.limiter,
            budget=budget,
            cache=replies,
        )
        encoder, limiter = endpoints.encoder, endpoints.limiter
        yield Resources(settings, url, pool, model_client, encoder, limiter, budget, locks, command)


@asynccontextmanager
async def open_endpoints(settings: Settings) -> AsyncIterator[Endpoints]:
    """Load models and encoder, with connections that are closed at the end of the block.

    Raises:
        ModelError: a model is not known, lacks its package, key or price, or is set for a prompt
            that does not exist.
    """
    known = [prompt.name for prompt in PROMPTS]
    for name in settings.models:
        if name not in known:
            raise ModelError(
                f"RECNET_MODELS: no prompt is called '{name}'; prompts: {', '.join(known)}"
            )
    limiter = CallLimiter(
        settings.max_concurrent_calls, settings.requests_per_minute, settings.tokens_per_minute
    )
    async with AsyncExitStack() as stack:
        served = Connection(base_url=settings.base_url, api_key=settings.api_key)
        names = (settings.model, settings.embedding, *settings.models.values())
        if any(name.startswith(COMPATIBLE) for name in names):
            served = await _connect(stack, settings)
        encoders = served
        if not (settings.embedding_base_url is None and settings.embedding_api_key is None):
            # An address of its own never gets the models' key.
            encoders = Connection(
                base_url=settings.embedding_base_url or settings.base_url,
                api_key=settings.embedding_api_key,
                client=served.client,
            )
        model = _load(settings, settings.model, served, "RECNET_MODEL")
        others = {
            prompt: _load(settings, name, served, "RECNET_MODELS")
            for prompt, name in settings.models.items()
        }
        encoder = load_encoder(
            settings.embedding,
            timeout=settings.timeout,
            connection=encoders,
            request_attempts=settings.request_attempts,
            retry_wait=settings.retry_wait,
            limiter=limiter,
        )
        for endpoint in (model, *others.values()):
            if settings.budget_money is not None and endpoint.price is None:
                raise ModelError(
                    f"RECNET_BUDGET_MONEY needs the price of {endpoint.name}: "
                    f"set RECNET_PRICES={endpoint.name}=IN/OUT, for a million tokens each"
                )
        yield Endpoints(model, others, encoder, limiter)


async def _connect(stack: AsyncExitStack, settings: Settings) -> Connection:
    """Return the connection of all endpoints; its client masks every key that they are sent."""
    from prompts.llm.http_client import EndpointClient  # noqa: PLC0415 - takes a second

    headers = settings.model_options.get("default_headers")
    keys = [key.get_secret_value() for key in (settings.api_key, settings.embedding_api_key) if key]
    keys += map(str, headers.values()) if isinstance(headers, dict) else ()
    keys = [key for key in keys if len(key) >= SHORTEST_KEY]
    client = await stack.enter_async_context(EndpointClient(timeout=settings.timeout, keys=keys))
    return Connection(base_url=settings.base_url, api_key=settings.api_key, client=client)


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
