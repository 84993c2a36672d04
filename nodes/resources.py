"""Resources: the database pool, the models and the encoder that nodes work with.

The façade or the Agent Server's lifespan opens and closes them. The façade binds its own to each
run that it starts; the Agent Server serves one for all runs of its process.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial

from langchain_core.caches import BaseCache

from nodes.endpoints import Endpoints, open_endpoints
from prompts.llm.budget import Budget
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
    """The address of the database; that of the embedded server where none was set."""
    pool: Pool
    caller: ModelClient
    encoder: Encoder
    limiter: CallLimiter
    """Limits all requests to models and encoder."""
    budget: Budget
    """Counts what this process has spent, and stops it at its budget."""
    locks: Locks
    """The locks of this process."""
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

    async def run(self, conn: Connection) -> int:
        """Return the id under which usage is stored; the first call of a process creates it."""
        async with self._naming:
            if not self.runs:
                self.runs.append(await begin_run(conn, self.command))
        return self.runs[0]


_BOUND: ContextVar[Resources] = ContextVar("resources")
_served: list[Resources] = []


def resources() -> Resources:
    """Return the resources of this run: those its façade bound, else those that are served.

    Raises:
        RuntimeError: there are none, because a graph was run without the façade.
    """
    if (bound := _BOUND.get(None)) is not None:
        return bound
    if not _served:
        raise RuntimeError("no resources are open: run graphs through workflows.RecNet")
    return _served[-1]


@contextmanager
def serve(held: Resources) -> Iterator[None]:
    """Let runs that no façade starts work with these resources, for the time of the block.

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

    Args:
        settings: of the process.
        command: the name under which usage is stored.
        cache: whether replies are cached where the settings leave that open.

    Raises:
        RecNetError: the database cannot be used.
        CallError: a model or the encoder is unknown or lacks its key.
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
                    caller=ModelClient(
                        endpoints.model,
                        templates,
                        others=endpoints.others,
                        reply_attempts=settings.reply_attempts,
                        request_attempts=settings.request_attempts,
                        retry_wait=settings.retry_wait,
                        limiter=endpoints.limiter,
                        budget=budget,
                        cache=replies,
                    ),
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


def _open_replies(stack: ExitStack, url: str, endpoints: Endpoints) -> BaseCache | None:
    """Open the reply cache, unless only the offline model answers."""
    if {endpoint.name for endpoint in (endpoints.model, *endpoints.others.values())} == {OFFLINE}:
        return None
    # Imported late: it takes a second, and live use does not need it.
    from state.store.reply_cache import open_reply_cache  # noqa: PLC0415

    return stack.enter_context(open_reply_cache(url))
