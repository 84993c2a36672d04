"""Runs of graphs on threads of our own: a run that was stopped goes on where it was.

That is what checkpoints are there for; what is told of a step afterwards is stored apart. So a
thread on which nothing is left to do is deleted.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakValueDictionary

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import START
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from nodes.resources import Resources
from nodes.window_lease import leave_window
from state.db.checkpoints import checkpointer
from state.errors import DatabaseError, InputError
from state.graphs.context import NetworkContext

Graph = CompiledStateGraph[Any, Any, Any, Any]


class Runs:
    """The runs of one façade, each on a thread that at most one of them is on."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        graph: Graph,
        given: Mapping[str, Any],
        thread: str,
        context: NetworkContext,
        *,
        afresh: bool = False,
    ) -> dict[str, Any]:
        """Run a graph on its thread, from where an earlier run of the same input stopped.

        Raises:
            InputError: the run that was stopped had other input.
        """
        async with self._turn(thread):
            saver = checkpointer(self._resources.pool)
            if afresh:
                await saver.adelete_thread(thread)
            snapshot = await look(graph, thread, saver)
            if is_over(graph, snapshot):
                return await self._invoke(graph, given, thread, context)
            for key, value in given.items():
                if snapshot.values.get(key) != value:
                    raise InputError(
                        f"interaction '{given.get('interaction', thread)}' was begun with {key} "
                        f"'{snapshot.values.get(key)}': give this record an identity of its own"
                    )
            return await self._invoke(graph, None, thread, context)

    async def go_on(self, graph: Graph, thread: str, context: NetworkContext) -> None:
        """Let a run that was stopped go on where it was; one that ended stays so."""
        async with self._turn(thread):
            if (await look(graph, thread, checkpointer(self._resources.pool))).next:
                await self._invoke(graph, None, thread, context)

    @asynccontextmanager
    async def _turn(self, thread: str) -> AsyncIterator[None]:
        """Lock a thread, in all processes: two runs on one would mix."""
        lock = self._turns.setdefault(thread, asyncio.Lock())
        async with lock, self._resources.turns.at(thread, patiently=True):
            yield

    async def _invoke(
        self,
        graph: Graph,
        given: Mapping[str, Any] | None,
        thread: str,
        context: NetworkContext,
    ) -> dict[str, Any]:
        """Run a graph, or let its thread go on; a run that ends between two nodes holds nothing."""
        saver = checkpointer(self._resources.pool)
        try:
            with self._resources.bound():
                out = await _bind(graph, saver).ainvoke(
                    given,
                    _config(thread),
                    context=context,
                    durability=self._resources.settings.durability,
                )
        except BaseException:
            network = self._resources.networks.get(context.network)
            if network is not None:
                await asyncio.shield(leave_window(self._resources, network.id, thread))
            await asyncio.shield(self._resources.turns.give_back(thread))
            await self._forget(graph, thread, saver)
            raise
        await self._forget(graph, thread, saver, ended=True)
        return out

    async def _forget(
        self, graph: Graph, thread: str, saver: AsyncPostgresSaver, *, ended: bool = False
    ) -> None:
        """Delete a thread that nothing is left to do on; `recnet gc` deletes what this leaves."""
        if self._resources.settings.keep_checkpoints:
            return
        with suppress(psycopg.Error, DatabaseError):
            if ended or is_over(graph, await look(graph, thread, saver)):
                await saver.adelete_thread(thread)


async def look(graph: Graph, thread: str, saver: AsyncPostgresSaver) -> StateSnapshot:
    """Return the state of a thread; an empty one where there is none."""
    return await _bind(graph, saver).aget_state(_config(thread))


def is_over(graph: Graph, snapshot: StateSnapshot) -> bool:
    """Return whether nothing is left to go on with: the run ended, or it has begun nothing.

    That is one which did not get past its first node, which checks the input.
    """
    return {(START, node) for node in snapshot.next if node != START} <= graph.builder.edges


def _bind(graph: Graph, saver: AsyncPostgresSaver) -> Graph:
    return graph.copy({"checkpointer": saver})


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}, "recursion_limit": 50}
