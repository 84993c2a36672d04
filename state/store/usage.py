"""Usage: every call that was made, whatever became of the step it was made for."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, LiteralString

from psycopg.types.json import Jsonb

from state.db.pool import Connection
from state.db.query import fetch_all, fetch_models, fetch_number, insert_rows
from state.domain import EMBEDDING, Call, Fault, Frozen


class UsageTotal(Frozen):
    """Calls of one prompt, interaction, run or model, summed."""

    name: str
    calls: int
    """Requests sent to models."""
    embeddings: int
    """Requests sent to encoders; how many tokens these took is not known."""
    cached: int
    """Replies from the cache, which cost nothing."""
    input_tokens: int
    output_tokens: int
    cost: float | None
    """In the unit of the prices; None where no call had a price."""
    seconds: float
    bad: int
    """Calls without a usable reply."""
    faults: dict[Fault, int]


_COLUMNS = ", ".join(Call.model_fields)


async def begin_run(conn: Connection, command: str) -> int:
    """Return a new run: one process, by the command it was started with."""
    query = "INSERT INTO runs (command) VALUES (%s) RETURNING id"
    return await fetch_number(conn, query, (command,))


async def mark_usage(conn: Connection) -> int:
    """Return a mark: calls stored later come after it."""
    return await fetch_number(conn, "SELECT coalesce(max(id), 0) FROM usage")


async def list_runs(conn: Connection, network: int) -> set[int]:
    """Return the runs that made calls for a network."""
    query = "SELECT DISTINCT run_id FROM usage WHERE network_id = %s AND run_id IS NOT NULL"
    return {row["run_id"] for row in await fetch_all(conn, query, (network,))}


async def add_usage(conn: Connection, run: int | None, network: int, step: str, call: Call) -> None:
    """Append one call made for a step, in no other transaction: calls made are calls paid."""
    values = {**call.model_dump(), "faults": Jsonb(call.faults)}
    columns = f"network_id, run_id, step, {_COLUMNS}"
    await insert_rows(conn, "usage", columns, [(network, run, step, *values.values())])


Scope = Literal["all", "interactions", "updates"]
"""Which calls to sum: all, those of settled interactions, or those of router updates."""

By = Literal["prompt", "interaction", "run", "model"]
"""The group of a sum; for `interaction`, other steps (bootstrap, a window) use their own name."""

_SCOPES: dict[Scope, LiteralString] = {
    "all": "true",
    "interactions": "EXISTS (SELECT 1 FROM interactions i "
    "WHERE i.network_id = u.network_id AND i.id = u.step)",
    "updates": "EXISTS (SELECT 1 FROM windows w "
    "WHERE w.network_id = u.network_id AND u.step = 'window ' || w.id)",
}
_NAMES: dict[By, LiteralString] = {
    "prompt": "u.prompt",
    "interaction": "u.step",
    "run": "CASE WHEN r.id IS NULL THEN 'no run' "
    "ELSE r.id || ' ' || r.command || ' ' || to_char(r.started_at, 'MM-DD HH24:MI') END",
    "model": "u.model",
}


async def count_steps(conn: Connection, network: int, scope: Scope) -> int:
    """Return for how many interactions or updates this network made calls; a copy starts at 0."""
    query = (
        "SELECT count(DISTINCT step) FROM usage u "  # noqa: S608 - our own conditions
        f"WHERE network_id = %s AND {_SCOPES[scope]}"
    )
    return await fetch_number(conn, query, (network,))


async def sum_usage(
    conn: Connection,
    network: int | None,
    scope: Scope = "all",
    *,
    by: By = "prompt",
    run: int | None = None,
    since: int = 0,
) -> list[UsageTotal]:
    """Return the totals by prompt, or by another name, in the order in which these first came.

    `network` None sums over all of them. `run` takes the calls of one run only, `since` those made
    after a mark of `mark_usage`.
    """
    query = (
        f"WITH u AS (SELECT u.*, {_NAMES[by]} AS name FROM usage u "  # noqa: S608 - our own words
        "LEFT JOIN runs r ON r.id = u.run_id WHERE "
        "(%(network)s::integer IS NULL OR u.network_id = %(network)s) "
        "AND (%(run)s::bigint IS NULL OR u.run_id = %(run)s) AND u.id > %(since)s "
        f"AND {_SCOPES[scope]}), "
        "kinds AS (SELECT name, f.key AS kind, sum(f.value::int) AS times "
        "FROM u, jsonb_each_text(faults) f GROUP BY name, f.key), "
        "faulty AS (SELECT name, jsonb_object_agg(kind, times) AS faults FROM kinds GROUP BY name) "
        "SELECT name, coalesce(sum(attempts) FILTER (WHERE prompt <> %(embed)s), 0)::bigint "
        "AS calls, coalesce(sum(attempts) FILTER (WHERE prompt = %(embed)s), 0)::bigint "
        "AS embeddings, count(*) FILTER (WHERE cached) AS cached, "
        "sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens, "
        "sum(cost) AS cost, sum(seconds)::float8 AS seconds, "
        "count(*) FILTER (WHERE outcome <> 'ok') AS bad, coalesce((SELECT faulty.faults "
        "FROM faulty WHERE faulty.name = u.name), '{}') AS faults "
        "FROM u GROUP BY name ORDER BY min(id)"
    )
    values = {"network": network, "run": run, "since": since, "embed": EMBEDDING}
    return await fetch_models(conn, UsageTotal, query, values)


async def read_calls(conn: Connection, network: int, step: str) -> list[Call]:
    """Return the calls of one step in the order in which they ended."""
    query = f"SELECT {_COLUMNS} FROM usage WHERE network_id = %s AND step = %s ORDER BY id"  # noqa: S608
    return await fetch_models(conn, Call, query, (network, step))


def add_totals(totals: Sequence[UsageTotal], name: str) -> UsageTotal:
    """Return the sum of totals."""
    faults: Counter[Fault] = Counter()
    for total in totals:
        faults.update(total.faults)
    costs = [total.cost for total in totals if total.cost is not None]
    counts = ("calls", "embeddings", "cached", "input_tokens", "output_tokens", "seconds", "bad")
    sums = {count: sum(getattr(total, count) for total in totals) for count in counts}
    cost = sum(costs) if costs else None
    return UsageTotal(name=name, cost=cost, faults=faults, **sums)
