"""A step: the network, the connection and the counted model calls of one node."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from langgraph.runtime import Runtime

from nodes.resources import Resources, resources
from prompts.template import Fields, Prompt, Reply
from state.db.pool import Connection
from state.domain import Call, Fault
from state.errors import NetworkError
from state.graphs.context import NetworkContext
from state.store.networks import NetworkRecord, find_network, lock_network
from state.store.usage import add_usage
from state.vectors import Vector

F = TypeVar("F", bound=Fields)
K = TypeVar("K")
R = TypeVar("R", bound=Reply)
C = TypeVar("C", bound=NetworkContext)
"""The context of a run: that of `bootstrap` has more fields than those of the other graphs."""

BOOTSTRAP = "bootstrap"
"""The name of the bootstrap's step; because it makes many calls, the budget may stop it
between calls."""
WINDOW = "window "
"""The prefix of the names of router updates."""


@dataclass(frozen=True, slots=True)
class Step:
    """The work of one node on one network, under the name by which usage is counted."""

    network: NetworkRecord
    name: str
    resources: Resources

    async def ask(
        self,
        prompt: Prompt[F, R],
        fields: F,
        check: Callable[[R], None] | None = None,
        notice: Callable[[R], Iterable[Fault]] | None = None,
    ) -> R:
        """Ask one prompt with the network's domain word; another seed reuses no cached reply."""
        return await self.resources.model_client.ask(
            prompt,
            fields,
            words={"domain": self.network.domain},
            meter=self._count,
            check=check,
            notice=notice,
            repeat=self.network.settings.seed,
            stops=self.name == BOOTSTRAP,
        )

    async def embed(self, texts: Sequence[str]) -> Vector:
        """Return the unit vectors of texts, shape (n, d); requests are counted for this step."""
        return await self.resources.encoder.embed(texts, self._count)

    async def embed_each(self, texts: Mapping[K, str]) -> dict[K, Vector]:
        """Return the unit vector of each text by its key."""
        return dict(zip(texts, await self.embed(list(texts.values())), strict=True))

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Open a connection of the pool, for reading."""
        return self.resources.pool.connection()

    @asynccontextmanager
    async def commit(self) -> AsyncIterator[Connection]:
        """Open a transaction that holds the commit lock of its network."""
        async with self.connection() as conn, conn.transaction():
            await lock_network(conn, self.network.id)
            yield conn

    async def _count(self, call: Call) -> None:
        if not (call.attempts or call.cached):
            return  # stopped before anything was sent
        saving_usage = asyncio.ensure_future(self._save_usage(call))
        stopped: asyncio.CancelledError | None = None
        # A call that was made is counted, also where a sibling's failure cancels this node.
        # LangGraph cancels twice.
        while not saving_usage.done():
            try:
                await asyncio.shield(saving_usage)
            except asyncio.CancelledError as stop:
                stopped = stop
        if stopped is not None:
            raise stopped
        await saving_usage

    async def _save_usage(self, call: Call) -> None:
        unsaved = self.resources.unsaved
        unsaved.append((self.network.id, self.name, call))
        async with self.connection() as conn:
            run = await self.resources.run(conn)
            while unsaved:
                saving = unsaved.pop()
                try:
                    await add_usage(conn, run, *saving)
                except psycopg.OperationalError:
                    unsaved.append(saving)
                    raise


async def begin_step(name: str, runtime: Runtime[C], *, first: bool = False) -> Step:
    """Return the step of a run on its network; the `first` one of a run reads it again.

    Raises:
        NetworkError: unknown network, or one whose embeddings another encoder made.
    """
    held = resources()
    known = held.networks
    network = known.get(runtime.context.network)
    if first or network is None:
        async with held.pool.connection() as conn:
            network = await find_network(conn, runtime.context.network)
        require_encoder(network, held)
        if network.tau_user is not None:
            known[network.name] = network
    return Step(network, name, held)


def window_step(window: int | None) -> str:
    """Return the name of the step that is a window's router update."""
    return f"{WINDOW}{window}"


def require_usable(network: NetworkRecord, held: Resources) -> None:
    """Raise NetworkError for a network without routers, or with another encoder's embeddings."""
    network.require_bootstrapped()
    require_encoder(network, held)


def require_encoder(network: NetworkRecord, held: Resources) -> None:
    """Raise NetworkError for a network that was made with another encoder than the one in use."""
    if network.stored_settings and (made := network.stored_settings.encoder) != held.encoder.name:
        raise NetworkError(
            f"network '{network.name}' was made with the encoder '{made}': "
            f"set RECNET_EMBEDDING={made}, or bootstrap another network"
        )
