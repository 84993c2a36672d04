"""Checkpoints of the graphs, in the same Postgres."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import sql
from pydantic import BaseModel

from state import domain
from state.db.pool import Connection, Pool
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
    for table in CHECKPOINT_TABLES:
        await conn.execute(
            sql.SQL("DELETE FROM {} WHERE starts_with(thread_id, %s)").format(
                sql.Identifier(table)
            ),
            (thread_prefix(network),),
        )
