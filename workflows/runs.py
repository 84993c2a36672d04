"""Runs of graphs on threads of our own: a run that was stopped resumes where it was.

Checkpoints serve only that: what people read about a step is stored in tables of its own. So a
thread is deleted as soon as its run is finished.
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
from nodes.window_lease import release_lease
from state.db.checkpoints import checkpointer
from state.errors import DatabaseError, InputError
from state.graphs.context import NetworkContext

Graph = CompiledStateGraph[Any, Any, Any, Any]


class Runs:
    """Runs graphs with the resources of one `RecNet`, at most one run on a thread."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        graph: Graph,
        given: Mapping[str, Any],
        thread: str,
        context: NetworkContext,
        *,
        restart: bool = False,
    ) -> dict[str, Any]:
        """Run a graph on its thread, from where an earlier run of the same input stopped.

        With `restart`, what the thread holds is deleted first.

        Raises:
            InputError: the run that was stopped had other input.
        """
        async with self._thread_lock(thread):
            if restart:
                await self._saver.adelete_thread(thread)
            snapshot = await self._read(graph, thread)
            if _is_finished(graph, snapshot):
                return await self._invoke(graph, given, thread, context)
            for key, value in given.items():
                if snapshot.values.get(key) != value:
                    raise InputError(
                        f"interaction '{given.get('interaction', thread)}' was begun with {key} "
                        f"'{snapshot.values.get(key)}': give this record an id of its own"
                    )
            return await self._invoke(graph, None, thread, context)

    async def resume(self, graph: Graph, thread: str, context: NetworkContext) -> None:
        """Resume a run that was stopped; one that is finished is left as it is."""
        async with self._thread_lock(thread):
            if (await self._read(graph, thread)).next:
                await self._invoke(graph, None, thread, context)

    @property
    def _saver(self) -> AsyncPostgresSaver:
        return checkpointer(self.resources.pool)

    async def _read(self, graph: Graph, thread: str) -> StateSnapshot:
        """Return the state of a thread; an empty one where the thread does not exist."""
        return await graph.copy({"checkpointer": self._saver}).aget_state(_config(thread))

    @asynccontextmanager
    async def _thread_lock(self, thread: str) -> AsyncIterator[None]:
        """Lock a thread, in all processes: two runs on one would mix."""
        lock = self._locks.setdefault(thread, asyncio.Lock())
        async with lock, self.resources.locks.hold(thread, wait=None):
            yield

    async def _invoke(
        self, graph: Graph, given: Mapping[str, Any] | None, thread: str, context: NetworkContext
    ) -> dict[str, Any]:
        """Run a graph, or resume its thread; a run that is stopped releases its leases."""
        try:
            with self.resources.bound():
                out = await graph.copy({"checkpointer": self._saver}).ainvoke(
                    given,
                    _config(thread),
                    context=context,
                    durability=self.resources.settings.durability,
                )
        except BaseException:
            await asyncio.shield(release_lease(self.resources.locks, thread))
            await asyncio.shield(self.resources.locks.release(thread))
            await self._delete_finished(graph, thread)
            raise
        await self._delete_finished(graph, thread, finished=True)
        return out

    async def _delete_finished(self, graph: Graph, thread: str, *, finished: bool = False) -> None:
        """Delete the thread of a finished run; `recnet gc` deletes what this leaves."""
        if self.resources.settings.keep_checkpoints:
            return
        with suppress(psycopg.Error, DatabaseError):
            if finished or _is_finished(graph, await self._read(graph, thread)):
                await self._saver.adelete_thread(thread)


def _is_finished(graph: Graph, snapshot: StateSnapshot) -> bool:
    """Return whether a run has nothing to resume: it ended, or failed in its first node.

    First nodes only check the input.
    """
    return {(START, node) for node in snapshot.next if node != START} <= graph.builder.edges


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}, "recursion_limit": 50}
