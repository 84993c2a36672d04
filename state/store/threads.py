"""Threads: which runs there are checkpoints of, and on which of them nothing is left to do."""

from state.db.pool import Connection
from state.domain import Frozen


class Threads(Frozen):
    """The threads of a database."""

    settled: tuple[str, ...] = ()
    """Ours, and by what is stored nothing is left to do: no run needs their checkpoints again."""
    open: tuple[str, ...] = ()
    """Ours, of records that were not learned from, updates that are open, and bootstraps on the
    way: their runs may have ended nevertheless, or begun nothing."""
    foreign: tuple[str, ...] = ()
    """Those of the Agent Server, where people look at them."""


async def sort_threads(conn: Connection) -> Threads:
    """Return the threads of all tables of checkpoints.

    What is settled stays so: a record that was learned from, and whose run is not at an open
    window, is only ever answered again. While nobody was at the window yet, any run may come to it.
    """
    cursor = await conn.execute(
        r"""
        WITH threads AS (
            SELECT thread_id FROM checkpoints
            UNION SELECT thread_id FROM checkpoint_blobs
            UNION SELECT thread_id FROM checkpoint_writes
        ), settled AS (
            SELECT format('recnet/%s/%s', i.network_id, i.id) FROM interactions i
            WHERE i.failure = '' AND NOT EXISTS (
                SELECT 1 FROM windows w WHERE w.network_id = i.network_id AND NOT w.done
                AND w.thread_id IN ('', format('recnet/%s/%s', i.network_id, i.id))
            )
            UNION ALL
            SELECT format('recnet/%s/window %s', network_id, id) FROM windows WHERE done
            UNION ALL
            SELECT format('recnet/%s/bootstrap', id) FROM networks WHERE tau_user IS NOT NULL
        )
        SELECT coalesce(array_agg(thread_id), '{}') AS threads, CASE
            WHEN thread_id !~ '^recnet/[0-9]+/' THEN 'foreign'
            WHEN thread_id IN (TABLE settled)
                OR split_part(thread_id, '/', 2) NOT IN (SELECT id::text FROM networks)
                THEN 'settled'
            ELSE 'open' END AS sort
        FROM (SELECT thread_id FROM threads ORDER BY thread_id) AS ordered GROUP BY sort
        """
    )
    return Threads.model_validate({row["sort"]: row["threads"] for row in await cursor.fetchall()})
