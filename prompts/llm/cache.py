"""The reply cache: validated replies by what they depend on, over LangChain's cache interface.

A cache given to a LangChain model would store whatever the model says. Here only a reply that was
parsed and checked is stored, and it is parsed and checked again when it is found.
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
        """Return the JSON of the reply that was stored for this call, or None."""
        found = await self._cache.alookup(*_key(endpoint, messages, reply, repeat))
        return found[0].text if found else None

    async def store(
        self,
        endpoint: Endpoint,
        messages: Sequence[BaseMessage],
        reply: type[Reply],
        repeat: int,
        text: str,
    ) -> None:
        """Store the JSON of a reply that was parsed and checked."""
        key = _key(endpoint, messages, reply, repeat)
        await self._cache.aupdate(*key, [Generation(text=text)])


def fingerprint(endpoint: Endpoint, template: str, reply: type[Reply]) -> str:
    """Return what a reply depends on besides its fields, as one short text."""
    parts = [endpoint.identity, template, schema_of(reply)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _key(
    endpoint: Endpoint, messages: Sequence[BaseMessage], reply: type[Reply], repeat: int
) -> tuple[str, str]:
    """Return LangChain's two keys: the prompt's text, and the model with its parameters."""
    schema = json.dumps(schema_of(reply), sort_keys=True)
    digest = sha256(schema.encode()).hexdigest()[:16]
    asked = json.dumps([[m.type, m.text] for m in messages])
    return asked, json.dumps([endpoint.identity, reply.__name__, digest, repeat])
