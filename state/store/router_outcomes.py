"""Router outcomes: what the messages of a router did, by filter decisions and rewards."""

from state.db.pool import Connection
from state.domain import Frozen


class Outcome(Frozen):
    """What became of a router's messages so far."""

    accepted: int
    kept_out: int
    reward: float | None
    """Mean reward of the interactions in which a client had taken one in; None where none has."""


async def read_outcome(conn: Connection, network: int, router: int) -> Outcome:
    """Return what became of all messages of a router, whatever its version.

    What was merged on delivery is counted; it has a reward once an interaction has taken it up.
    """
    cursor = await conn.execute(
        """
        SELECT count(*) FILTER (WHERE v.accepted) AS accepted,
               count(*) FILTER (WHERE NOT v.accepted) AS kept_out,
               avg(i.reward) FILTER (WHERE v.accepted)::float8 AS reward
        FROM messages m
        JOIN filter_decisions v ON v.network_id = m.network_id AND v.message_id = m.id
        LEFT JOIN interactions i ON i.network_id = v.network_id AND i.id = v.interaction_id
        WHERE m.network_id = %s AND m.module = 'router' AND m.owner = %s
        """,
        (network, router),
    )
    return Outcome.model_validate(await cursor.fetchone())
