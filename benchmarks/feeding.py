"""Feed live records to a network; also runs as one process of a crowd.

Such a process prints `ready`, waits for a line, prints `done` after each record, and its result.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Self

import psycopg

from state.db.errors import explain
from state.domain import Frozen
from state.errors import RecNetError
from workflows.recnet import RecNet


class LiveRecord(Frozen):
    """One interaction to run."""

    id: str
    user: str
    positive: str
    negative: str


class Share(Frozen):
    """The records of one process."""

    network: str
    concurrency: int
    records: tuple[LiveRecord, ...]


class Fed(Frozen):
    """The result of feeding records."""

    seconds: float
    conflicts: int = 0
    """Commits that met newer texts than those they had started from."""
    errors: tuple[str, ...] = ()
    """What stopped a run instead of failing its record."""


async def feed(recnet: RecNet, share: Share, done: Callable[[], None]) -> Fed:
    """Run records in order with limited concurrency; an error ends only its own record."""
    waiting = iter(share.records)
    errors = []
    began = perf_counter()

    async def go_on() -> None:
        for record in waiting:
            try:
                await recnet.network(share.network).interact(
                    user=record.user,
                    positive=record.positive,
                    negative=record.negative,
                    id=record.id,
                )
            except (psycopg.Error, RecNetError) as error:
                said = explain(error) if isinstance(error, psycopg.Error) else str(error)
                errors.append(f"{record.id}: {said}")
            done()

    with _Conflicts() as conflicts:
        await asyncio.gather(*(go_on() for _ in range(share.concurrency)))
    return Fed(
        seconds=perf_counter() - began, conflicts=conflicts.count, errors=tuple(sorted(errors))
    )


class _Conflicts(logging.Handler):
    """Counts the conflicts that commits log."""

    _log = logging.getLogger("nodes.commit_interaction")

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - only how many
        self.count += 1

    def __enter__(self) -> Self:
        self._level = self._log.level
        self._log.setLevel(logging.INFO)
        self._log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)
        self._log.setLevel(self._level)


async def _main() -> None:
    """Do one process's share, as standard input tells it."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # as for commands: errors say it once
    share = Share.model_validate_json(sys.stdin.readline())
    async with RecNet.open(command="bench live") as recnet:
        await recnet.network(share.network).record()
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        fed = await feed(recnet, share, lambda: _say("done"))
    _say(fed.model_dump_json())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
