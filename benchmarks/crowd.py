"""A crowd: real processes that feed one network at once, each a share of the records."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter

from benchmarks.feeding import Fed, LiveRecord, Share
from benchmarks.server_process import serve_in_process
from state.errors import RecNetError
from tests.support.model_server.settings import ModelServerSettings

_LINE = 2**24
"""The longest line, in bytes, that a process of the crowd is sent or says."""


async def run_crowd(
    url: str, shares: Sequence[Share], latency: float, advance: Callable[[], None]
) -> Fed:
    """Start one process a share, let all begin at the same moment, and sum up how it went.

    They share the database at `url` and a test server, which is a process of its own too.

    Raises:
        RecNetError: one of them ended early.
    """
    async with AsyncExitStack() as stack:
        env = {
            **os.environ,
            "OPENAI_BASE_URL": stack.enter_context(
                serve_in_process(ModelServerSettings(latency=latency))
            ),
            "OPENAI_API_KEY": "any",
            "RECNET_MODEL": "openai:offline",
            "RECNET_EMBEDDING": "offline",
            "RECNET_DATABASE_URL": url,
            "RECNET_CACHE": "false",
        }
        crowd = [
            await stack.enter_async_context(_process("-m", "benchmarks.feeding", env=env))
            for _ in shares
        ]
        for process, share in zip(crowd, shares, strict=True):
            _write_line(process, share.model_dump_json())
        for process in crowd:
            await _read_line(process)
        began = perf_counter()
        for process in crowd:
            _write_line(process, "")
        fed = await asyncio.gather(*(_follow(process, advance) for process in crowd))
        seconds = perf_counter() - began
    return Fed(
        seconds=seconds,
        conflicts=sum(one.conflicts for one in fed),
        errors=tuple(error for one in fed for error in one.errors),
    )


def deal(
    network: str, records: Sequence[LiveRecord], processes: int, concurrency: int
) -> list[Share]:
    """Deal records out to processes in turn."""
    return [
        Share(network=network, concurrency=concurrency, records=tuple(records[n::processes]))
        for n in range(processes)
    ]


@asynccontextmanager
async def _process(*words: str, env: Mapping[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words),
        env=env,
        stdin=PIPE,
        stdout=PIPE,
        limit=_LINE,
        start_new_session=True,  # a Ctrl-C reaches it from here
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _write_line(process: Process, line: str) -> None:
    assert process.stdin is not None  # noqa: S101 - it was opened so
    process.stdin.write(f"{line}\n".encode())


async def _read_line(process: Process) -> str:
    assert process.stdout is not None  # noqa: S101 - it was opened so
    line = await process.stdout.readline()
    if not line:
        raise RecNetError("a process of the crowd ended early; its error is above")
    return line.decode().strip()


async def _follow(process: Process, advance: Callable[[], None]) -> Fed:
    while (line := await _read_line(process)) == "done":
        advance()
    return Fed.model_validate_json(line)
