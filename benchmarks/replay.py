"""The calls of a run made once more, in stages each of which waits for its slowest."""

import asyncio
from collections.abc import Iterable
from time import perf_counter

from prompts.extract import EXTRACT, ExtractFields
from prompts.llm.client import ModelClient
from state.domain import Call, ClientKind

_ASKED = ExtractFields(kind=ClientKind.ITEM, profile="A quiet record.")


async def replay(caller: ModelClient, stages: Iterable[int]) -> float:
    """Return the seconds that so many calls take, stage after stage, within the caller's limit.

    Each call is one small fixed prompt, and nothing is read or stored for it: this is less than
    any program that works in stages would take.
    """
    began = perf_counter()
    for calls in stages:
        await asyncio.gather(*(_ask(caller) for _ in range(calls)))
    return perf_counter() - began


async def _ask(caller: ModelClient) -> None:
    await caller.ask(EXTRACT, _ASKED, words={"domain": "records"}, meter=_forget)


async def _forget(_: Call) -> None:
    """Keep nothing."""
