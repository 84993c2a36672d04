"""Usage: every call that was made, whatever became of the step it was made for."""

from typing import Literal, LiteralString

from state.domain import Call, Frozen
from state.pool import Connection


class UsageTotal(Frozen):
    """Calls of one prompt, summed over steps."""

    prompt: str
    calls: int
    input_tokens: int
    output_tokens: int
    seconds: float


async def add_usage(conn: Connection, network: int, step: str, call: Call) -> None:
    """Append one call made for a step.

    Never part of another transaction: calls made are calls paid.
    """
    await conn.execute(
        "INSERT INTO usage (network_id, step, prompt, model, attempts, input_tokens, "
        "output_tokens, seconds, outcome) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (network, step, *call.model_dump().values()),
    )


Scope = Literal["all", "interactions", "updates"]
"""Which calls to sum: all, those of settled interactions, or those of router updates."""

_SCOPES: dict[Scope, LiteralString] = {
    "all": "true",
    "interactions": "EXISTS (SELECT 1 FROM interactions i "
    "WHERE i.network_id = u.network_id AND i.id = u.step)",
    "updates": "EXISTS (SELECT 1 FROM windows w "
    "WHERE w.network_id = u.network_id AND u.step = 'window ' || w.id)",
}


async def count_steps(conn: Connection, network: int, scope: Scope) -> int:
    """Return for how many interactions or updates this network has paid; a copy begins at none."""
    cursor = await conn.execute(
        "SELECT count(DISTINCT step) AS steps FROM usage u "  # noqa: S608 - our own conditions
        f"WHERE network_id = %s AND {_SCOPES[scope]}",
        (network,),
    )
    row = await cursor.fetchone()
    return int(row["steps"]) if row else 0


async def sum_usage(conn: Connection, network: int, scope: Scope = "all") -> list[UsageTotal]:
    """Return the totals by prompt."""
    cursor = await conn.execute(
        "SELECT prompt, sum(attempts)::bigint AS calls, "  # noqa: S608 - our own conditions
        "sum(input_tokens)::bigint AS input_tokens, "
        "sum(output_tokens)::bigint AS output_tokens, sum(seconds)::float8 AS seconds "
        f"FROM usage u WHERE network_id = %s AND {_SCOPES[scope]} GROUP BY prompt ORDER BY prompt",
        (network,),
    )
    return [UsageTotal.model_validate(row) for row in await cursor.fetchall()]
