"""Checkpoints of the graphs, in the same Postgres, and the threads that have some."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import sql
from pydantic import BaseModel

from state import domain
from state.db.pool import Connection, Pool
from state.db.query import fetch_models
from state.domain import Frozen
from state.graphs import bootstrap, context, interaction, recommend, router_update

_TYPES: Sequence[tuple[str, ...]] = [
    (module.__name__, name)
    for module in (domain, bootstrap, context, interaction, recommend, router_update)
    for name, value in vars(module).items()
    if isinstance(value, type)
    and issubclass(value, BaseModel | Enum)
    and value.__module__ == module.__name__
]

CHECKPOINT_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
"""LangGraph's tables, in the order in which it deletes from them: another order could deadlock."""


def checkpointer(over: Pool | Connection) -> AsyncPostgresSaver:
    """Return a saver for one run over the shared pool, or for a transaction of one connection.

    One saver holds one lock for all its runs, so each run gets its own. Only types of
    `state.domain` and of the graphs' states are loaded from a checkpoint, so that a foreign row
    cannot create other objects; a type that is missing here is loaded as a dict.
    """
    conn: Any = over
    return AsyncPostgresSaver(conn, serde=JsonPlusSerializer(allowed_msgpack_modules=_TYPES))


def thread_of(network: int, step: str) -> str:
    """Return the thread id of one step of a network; ids of dropped networks are not used again."""
    return f"{thread_prefix(network)}{step}"


def thread_prefix(network: int) -> str:
    """Return what the thread ids of a network begin with."""
    return f"recnet/{network}/"


async def forget_threads(conn: Connection, network: int) -> None:
    """Delete the checkpoints of all runs of a network."""
    statement = sql.SQL("DELETE FROM {} WHERE starts_with(thread_id, %s)")
    for table in map(sql.Identifier, CHECKPOINT_TABLES):
        await conn.execute(statement.format(table), (thread_prefix(network),))


class Threads(Frozen):
    """The threads of our own runs; those of the Agent Server are left out."""

    finished: tuple[str, ...]
    """No run needs their checkpoints again, or their network was dropped."""
    unfinished: int
    """How many others there are: failed records, open router updates, stopped runs."""


async def list_threads(conn: Connection) -> Threads:
    """Return the threads in all checkpoint tables.

    A record that was learned from is finished, unless its run is working on an open window; before
    any run works on a window, every record's run may be the one that will.
    """
    query = r"""WITH threads AS (
            SELECT thread_id FROM checkpoints
            UNION SELECT thread_id FROM checkpoint_blobs
            UNION SELECT thread_id FROM checkpoint_writes
        ), finished AS (
            SELECT format('recnet/%s/%s', i.network_id, i.id) FROM interactions i
            WHERE i.failure = '' AND NOT EXISTS (
                SELECT 1 FROM windows w WHERE w.network_id = i.network_id AND NOT w.done
                AND w.thread_id IN ('', format('recnet/%s/%s', i.network_id, i.id))
            )
            UNION ALL
            SELECT format('recnet/%s/window %s', network_id, id) FROM windows WHERE done
            UNION ALL
            SELECT format('recnet/%s/bootstrap', id) FROM networks WHERE tau_user IS NOT NULL
        ), ours AS (
            SELECT thread_id, thread_id IN (TABLE finished) OR split_part(thread_id, '/', 2)
                NOT IN (SELECT id::text FROM networks) AS finished
            FROM threads WHERE thread_id ~ '^recnet/[0-9]+/'
        )
        SELECT coalesce(array_agg(thread_id ORDER BY thread_id) FILTER (WHERE finished), '{}')
            AS finished, count(*) FILTER (WHERE NOT finished) AS unfinished FROM ours"""
    found = await fetch_models(conn, Threads, query)
    return found[0]
