"""Helpers for concurrent live runs: a slow model, an audit of the result, random records."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from benchmarks.audit import Audit, audit_network
from tests.support.database_rows import rows
from tests.support.watched_model import WatchedModel
from workflows.recnet import RecNet

USERS = ("ann", "bob", "cid", "dot", "eve", "fay")
ITEMS = tuple(f"{shelf}{place}" for shelf in "jmf" for place in range(1, 5))


class SlowModel(WatchedModel):
    """Replies after a pause, so that runs overlap."""

    pause: float = 0.02

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - the base class names it so
    ) -> ChatResult:
        await asyncio.sleep(self.pause)
        return await super()._agenerate(messages, stop, run_manager, **kwargs)


async def audit_tiny(recnet: RecNet, identities: Iterable[str]) -> Audit:
    """Audit the tiny network, which must have learned from exactly these interactions."""
    return await audit_network(recnet, "tiny", set(identities))


async def profile_versions(recnet: RecNet, network: int, key: str) -> list[str | None]:
    """Return the interaction behind each version of an item's profile."""
    found = await rows(
        recnet,
        "SELECT v.interaction_id FROM module_versions v JOIN clients c "
        "ON c.network_id = v.network_id AND c.id = v.owner WHERE v.network_id = %s "
        "AND c.key = %s AND v.module = 'item_profile' AND v.author = 'gradient' ORDER BY v.version",
        network,
        key,
    )
    return [row["interaction_id"] for row in found]


def draw_record(chance: random.Random) -> dict[str, str]:
    """Draw a record; the first items are drawn most often."""
    positive, negative = chance.sample(ITEMS[: chance.choice((2, 5, 12))], 2)
    return {"user": chance.choice(USERS), "positive": positive, "negative": negative}
