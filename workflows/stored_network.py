"""What can be read of a network; `workflows.network.Network` adds what changes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from nodes.resources import Resources
from state.dataset import Split
from state.db.pool import Connection
from state.domain import ClientKind
from state.errors import InputError
from state.store.clients import ClientName, find_clients, list_clients
from state.store.digest import digest_network
from state.store.events import held_out
from state.store.networks import NetworkRecord, find_network
from state.store.usage import By, UsageTotal, list_runs, sum_usage
from state.store.versions import Version
from workflows.edits import read_module
from workflows.inspect import (
    ClientView,
    InteractionView,
    NetworkView,
    RouterView,
    view_client,
    view_interactions,
    view_network,
    view_router,
)
from workflows.trace import InteractionTrace, trace_interaction


class StoredNetwork:
    """A network by its name, for reading.

        films = app.network("films")
        print((await films.client("user", "2867")).profile)

    Every method raises `NetworkError` if there is no network of that name, and `InputError` if a
    user, item, router, module, interaction or run that it is given is unknown.
    """

    def __init__(self, resources: Resources, name: str) -> None:
        self.resources = resources
        self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[tuple[Connection, NetworkRecord]]:
        async with self.resources.pool.connection() as conn:
            yield conn, await find_network(conn, self.name)

    async def record(self) -> NetworkRecord:
        """Return what is stored of the network itself: id, data set, settings, thresholds."""
        async with self._reading() as (_, record):
            return record

    async def show(self) -> NetworkView:
        """Return the network at a glance: counts, settings, thresholds, routers.

        Raises:
            NetworkError: it is not bootstrapped.
        """
        async with self._reading() as (conn, record):
            return await view_network(conn, record)

    async def client(self, kind: Literal["user", "item"], key: str) -> ClientView:
        """Return a user or an item with its texts, its buffer and its versions."""
        async with self._reading() as (conn, record):
            return await view_client(conn, record, ClientKind(kind), key)

    async def clients(self, kind: Literal["user", "item"]) -> list[ClientName]:
        """Return the key and title of every user or item; bootstrapping is not needed."""
        async with self._reading() as (conn, record):
            return await list_clients(conn, record.id, ClientKind(kind))

    async def router(self, number: int) -> RouterView:
        """Return a router, active or retired."""
        async with self._reading() as (conn, record):
            return await view_router(conn, record, number)

    async def interactions(self, user: str = "") -> list[InteractionView]:
        """Return the settled interactions in order, all or those of one user.

        failed = [one for one in await films.interactions() if one.failure]
        """
        async with self._reading() as (conn, record):
            return await view_interactions(conn, record, user)

    async def trace(self, id: str) -> InteractionTrace:  # noqa: A002 - the caller's word for it
        """Return one interaction step by step: prediction, reward, gradients, texts, calls."""
        async with self._reading() as (conn, record):
            return await trace_interaction(conn, record, id)

    async def held_out(self, user: str, item: str) -> Split | None:
        """Return the split that holds out the user's event with an item for evaluation, if any."""
        async with self._reading() as (conn, record):
            users = await find_clients(conn, record.id, ClientKind.USER, [user])
            items = await find_clients(conn, record.id, ClientKind.ITEM, [item])
            return await held_out(conn, record.id, users[user], items[item])

    async def module(self, module: str) -> Version:
        """Return the current version of a module, such as `rules:user:2867` or `router:1`."""
        async with self._reading() as (conn, record):
            return await read_module(conn, record, module)

    async def usage(self, by: By = "prompt", run: int | None = None) -> list[UsageTotal]:
        """Return the calls made for the network, with tokens, seconds and cost.

        for total in await films.usage(by="model"):
            print(total.name, total.calls, total.cost)
        """
        async with self._reading() as (conn, record):
            if run is not None and run not in await list_runs(conn, record.id):
                raise InputError(
                    f"run {run} made no calls for network '{self.name}'; "
                    f"`recnet usage --by run --network {self.name}` lists those that did"
                )
            return await sum_usage(conn, record.id, by=by, run=run)

    async def digest(self) -> str:
        """Return the digest of the network's content: equal digests mean equal networks."""
        async with self._reading() as (conn, record):
            return await digest_network(conn, record.id)
