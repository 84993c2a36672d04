"""Resources: the one holder of pool, models and encoder.

Opened and closed by the façade or by the Agent Server's lifespan. A node finds those of whoever
started its run: the façade binds its own to each run, and the Agent Server serves one process-wide.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial

from nodes.endpoints import Endpoints, open_endpoints
from prompts.llm.budget import Budget
from prompts.llm.cache import ReplyCache
from prompts.llm.client import ModelClient
from prompts.llm.embeddings import Encoder
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import OFFLINE
from prompts.registry import PROMPTS
from prompts.template import Templates
from state.db.embedded import database_url
from state.db.locks import Locks
from state.db.pool import Connection, Pool, open_pool, require_database
from state.domain import Call
from state.settings import Settings
from state.store.networks import NetworkRecord
from state.store.usage import begin_run


@dataclass(frozen=True, slots=True)
class Resources:
    """What nodes work with."""

    settings: Settings
    url: str
    """The database's; the embedded server's where none was set."""
    pool: Pool
    caller: ModelClient
    encoder: Encoder
    limiter: CallLimiter
    """What all its requests pass."""
    budget: Budget
    """What this process has spent so far."""
    locks: Locks
    """The locks of this process."""
    command: str = ""
    """What this process was started as: usage is kept by it."""
    networks: dict[str, NetworkRecord] = field(default_factory=dict)
    """Networks as the last run began on them: what shapes one is frozen, so its steps share it."""
    runs: list[int] = field(default_factory=list)
    """The run that usage is kept under, once a call was made."""
    owed: list[tuple[int, str, Call]] = field(default_factory=list)
    """Calls that are not yet kept as usage, by network and step: a database that went away is told
    of them when it is back."""
    _naming: asyncio.Lock = field(default_factory=asyncio.Lock)

    @contextmanager
    def bound(self) -> Iterator[None]:
        """Let the nodes of runs that are started inside the block work with these resources."""
        token = _BOUND.set(self)
        try:
            yield
        finally:
            _BOUND.reset(token)

    async def run(self, conn: Connection) -> int:
        """Return the run that usage is kept under; a process that calls no model has none."""
        async with self._naming:
            if not self.runs:
                self.runs.append(await begin_run(conn, self.command))
        return self.runs[0]


_BOUND: ContextVar[Resources] = ContextVar("resources")
_served: list[Resources] = []


def resources() -> Resources:
    """Return the resources of this run: those its façade bound, else those the server serves.

    Raises:
        RuntimeError: there are none; a graph was run by itself.
    """
    if (bound := _BOUND.get(None)) is not None:
        return bound
    if not _served:
        raise RuntimeError("no resources are open: run graphs through workflows.RecNet")
    return _served[-1]


@contextmanager
def serve(held: Resources) -> Iterator[None]:
    """Let runs that no façade starts work with these resources, for the time of the block.

    For the Agent Server: what its lifespan sets in a context variable does not reach a node.
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
    """Open pool, models and encoder for the time of the block; templates are checked here.

    `command` names the run in usage; `cache` says whether replies are kept and taken again where
    the settings leave that open.

    Raises:
        RecNetError: the database cannot be used.
        CallError: a model or the encoder is not known or lacks its key.
        TemplateError: an edited template does not fit its prompt.
    """
    templates = Templates(PROMPTS, settings.templates)
    budget = Budget(settings.budget_calls, settings.budget_tokens, settings.budget_money)
    cached = cache if settings.cache is None else settings.cache
    async with open_endpoints(settings) as endpoints:
        # Starting the embedded server blocks, which an event loop that serves requests must not.
        url = await asyncio.to_thread(database_url, settings)
        async with open_pool(url, settings.connections) as pool:
            with ExitStack() as stack:
                replies = _open_replies(stack, url, endpoints) if cached else None
                held = Resources(
                    settings=settings,
                    url=url,
                    pool=pool,
                    caller=_caller(settings, endpoints, templates, budget, replies),
                    encoder=endpoints.encoder,
                    limiter=endpoints.limiter,
                    budget=budget,
                    locks=Locks(url, command),
                    command=command,
                )
                held.limiter.wait_for_storage = partial(require_database, pool)
                try:
                    yield held
                finally:
                    await held.locks.close()


def _caller(
    settings: Settings,
    endpoints: Endpoints,
    templates: Templates,
    budget: Budget,
    replies: ReplyCache | None,
) -> ModelClient:
    return ModelClient(
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


def _open_replies(stack: ExitStack, url: str, endpoints: Endpoints) -> ReplyCache | None:
    """Open the cache of replies, unless nothing but the offline model would answer."""
    if {endpoint.name for endpoint in (endpoints.model, *endpoints.others.values())} == {OFFLINE}:
        return None
    # Imported late: what it stands on takes a second, and live use needs none of it.
    from state.store.reply_cache import open_reply_cache  # noqa: PLC0415

    return ReplyCache(stack.enter_context(open_reply_cache(url)))
