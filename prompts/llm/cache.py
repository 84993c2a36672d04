"""Kept replies: what a validated reply is found by, through LangChain's cache interface.

A cache given to a model would keep whatever it says; here only a reply that was read and checked is
kept, and it is read and checked again when it is taken.
"""

import json
from collections.abc import Sequence
from hashlib import sha256

from langchain_core.caches import BaseCache
from langchain_core.messages import BaseMessage
from langchain_core.outputs import Generation

from prompts.llm.models import Endpoint
from prompts.llm.structured_output import schema_of
from prompts.template import Reply


class ReplyCache:
    """The replies of a cache, by model, parameters, messages, schema and repeat index."""

    def __init__(self, cache: BaseCache) -> None:
        self._cache = cache

    async def find(
        self, endpoint: Endpoint, messages: Sequence[BaseMessage], reply: type[Reply], repeat: int
    ) -> str | None:
        """Return the JSON of the reply that was kept for this call, or None."""
        found = await self._cache.alookup(_words(messages), _key(endpoint, reply, repeat))
        return found[0].text if found else None

    async def keep(
        self,
        endpoint: Endpoint,
        messages: Sequence[BaseMessage],
        reply: type[Reply],
        repeat: int,
        text: str,
    ) -> None:
        """Keep the JSON of a reply that was read and checked."""
        key = _key(endpoint, reply, repeat)
        await self._cache.aupdate(_words(messages), key, [Generation(text=text)])


def fingerprint(endpoint: Endpoint, template: str, reply: type[Reply]) -> str:
    """Return what a reply depends on beside its fields, as one short text."""
    words = [endpoint.identity, template, schema_of(reply)]
    return sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:32]


def _words(messages: Sequence[BaseMessage]) -> str:
    return json.dumps([[m.type, m.text] for m in messages])


def _key(endpoint: Endpoint, reply: type[Reply], repeat: int) -> str:
    schema = json.dumps(schema_of(reply), sort_keys=True)
    digest = sha256(schema.encode()).hexdigest()[:16]
    return json.dumps([endpoint.identity, reply.__name__, digest, repeat])
