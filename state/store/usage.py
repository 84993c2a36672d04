"""Usage: every call that was made, whatever became of the step it was made for."""

from collections.abc import Sequence
from typing import Literal, LiteralString

from psycopg.types.json import Jsonb

from state.db.pool import Connection
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


class StoredCall(Frozen):
    """One ask of a step, as the trace shows it."""

    prompt: str
    model: str
    attempts: int
    cached: bool
    input_tokens: int
    output_tokens: int
    cost: float | None
    seconds: float
    outcome: str
    faults: dict[Fault, int]
    thoughts: str


async def begin_run(conn: Connection, command: str) -> int:
    """Return a new run: one process, by the command it was started with."""
    cursor = await conn.execute(
        "INSERT INTO runs (command) VALUES (%s) RETURNING id AS run", (command,)
    )
    row = await cursor.fetchone()
    return int(row["run"]) if row else 0


async def mark_usage(conn: Connection) -> int:
    """Return a mark: calls stored later come after it."""
    cursor = await conn.execute("SELECT coalesce(max(id), 0) AS mark FROM usage")
    row = await cursor.fetchone()
    return int(row["mark"]) if row else 0


async def list_runs(conn: Connection, network: int) -> set[int]:
    """Return the runs that made calls for a network."""
    cursor = await conn.execute(
        "SELECT DISTINCT run_id AS run FROM usage WHERE network_id = %s AND run_id IS NOT NULL",
        (network,),
    )
    return {row["run"] for row in await cursor.fetchall()}


async def add_usage(conn: Connection, run: int | None, network: int, step: str, call: Call) -> None:
    """Append one call made for a step.

    Never part of another transaction: calls made are calls paid.
    """
    await conn.execute(
        "INSERT INTO usage (network_id, run_id, step, prompt, model, attempts, cached, "
        "input_tokens, output_tokens, cost, seconds, outcome, faults, thoughts) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            network, run, step, call.prompt, call.model, call.attempts, call.cached,
            call.input_tokens, call.output_tokens, call.cost, call.seconds, call.outcome,
            Jsonb(call.faults), call.thoughts,
        ),
    )  # fmt: skip


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
    cursor = await conn.execute(
        "SELECT count(DISTINCT step) AS steps FROM usage u "  # noqa: S608 - our own conditions
        f"WHERE network_id = %s AND {_SCOPES[scope]}",
        (network,),
    )
    row = await cursor.fetchone()
    return int(row["steps"]) if row else 0


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

    Args:
        conn: a connection.
        network: the network; None for all of them.
        scope: which calls.
        by: what they are summed by.
        run: only those of this run.
        since: only those made after this mark.
    """
    cursor = await conn.execute(
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
        "FROM u GROUP BY name ORDER BY min(id)",
        {"network": network, "run": run, "since": since, "embed": EMBEDDING},
    )
    return [UsageTotal.model_validate(row) for row in await cursor.fetchall()]


async def read_calls(conn: Connection, network: int, step: str) -> list[StoredCall]:
    """Return the calls of one step in the order in which they ended."""
    cursor = await conn.execute(
        "SELECT prompt, model, attempts, cached, input_tokens, output_tokens, cost, seconds, "
        "outcome, faults, thoughts FROM usage WHERE network_id = %s AND step = %s ORDER BY id",
        (network, step),
    )
    return [StoredCall.model_validate(row) for row in await cursor.fetchall()]


def add_totals(totals: Sequence[UsageTotal], name: str) -> UsageTotal:
    """Return the sum of totals."""
    faults: dict[Fault, int] = {}
    for total in totals:
        for kind, times in total.faults.items():
            faults[kind] = faults.get(kind, 0) + times
    costs = [total.cost for total in totals if total.cost is not None]
    return UsageTotal(
        name=name,
        calls=sum(total.calls for total in totals),
        embeddings=sum(total.embeddings for total in totals),
        cached=sum(total.cached for total in totals),
        input_tokens=sum(total.input_tokens for total in totals),
        output_tokens=sum(total.output_tokens for total in totals),
        cost=sum(costs) if costs else None,
        seconds=sum(total.seconds for total in totals),
        bad=sum(total.bad for total in totals),
        faults=faults,
    )
