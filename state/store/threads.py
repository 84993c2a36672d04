"""Threads of our own runs that have checkpoints: which are finished, and how many are not."""

from state.db.pool import Connection
from state.domain import Frozen


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
    cursor = await conn.execute(
        r"""
        WITH threads AS (
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
            AS finished, count(*) FILTER (WHERE NOT finished) AS unfinished FROM ours
        """
    )
    return Threads.model_validate(await cursor.fetchone())
