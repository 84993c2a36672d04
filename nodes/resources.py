"""Resources: the one holder of pool, model and encoder.

Opened and closed explicitly by the Agent Server's lifespan, the façade or the command line. Nodes
find it here, because a run's context may only carry what can be written into a form.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nodes.at_work import AtWork
from prompts.budget import Budget
from prompts.call import Caller
from prompts.catalogue import PROMPTS
from prompts.embeddings import Encoder, load_encoder
from prompts.models import load_model
from prompts.template import Templates
from state.pool import Pool, open_pool
from state.presence import Presence
from state.server import database_url
from state.settings import Settings
from state.store.networks import Network


@dataclass(frozen=True, slots=True)
class Resources:
    """What nodes work with."""

    settings: Settings
    url: str
    """The database's; the embedded server's where none was set."""
    pool: Pool
    caller: Caller
    encoder: Encoder
    budget: Budget
    """What this process has spent so far."""
    presence: Presence
    """Its sign of life, by which others know whether a window is still being worked on."""
    at_work: AtWork = field(default_factory=AtWork)
    networks: dict[str, Network] = field(default_factory=dict)
    """Networks as the last run began on them: what shapes one is frozen, so its steps share it."""


_open: list[Resources] = []


def resources() -> Resources:
    """Return the open resources.

    Raises:
        RuntimeError: none are open; a graph was run outside `open_resources`.
    """
    if not _open:
        raise RuntimeError(
            "no resources are open: run graphs inside nodes.resources.open_resources"
        )
    return _open[-1]


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open pool, model and encoder for the time of the block; templates are checked here.

    Raises:
        RecNetError: the database cannot be used.
        CallError: the model or the encoder is not known or lacks its key.
        TemplateError: an edited template does not fit its prompt.
    """
    budget = Budget(settings.budget_calls, settings.budget_tokens)
    caller = Caller(
        load_model(settings.model, timeout=settings.timeout, temperature=settings.temperature),
        Templates(PROMPTS, settings.templates),
        model_name=settings.model,
        in_flight=settings.calls_in_flight,
        budget=budget,
    )
    encoder = load_encoder(settings.embedding, timeout=settings.timeout)
    # Starting the embedded server blocks, which an event loop that serves requests must not.
    url = await asyncio.to_thread(database_url, settings)
    async with open_pool(url, settings.connections) as pool:
        held = Resources(settings, url, pool, caller, encoder, budget, Presence(url))
        _open.append(held)
        try:
            yield held
        finally:
            _open.remove(held)
            await held.presence.close()
