"""Keys of the reply cache: all that a reply depends on.

A cache given to a LangChain model would store whatever the model says. So `ModelClient` uses the
cache itself: it stores only a reply that was parsed and checked, and checks again what it finds.
"""

import json
from collections.abc import Sequence
from hashlib import sha256

from langchain_core.messages import BaseMessage

from prompts.llm.models import Endpoint
from prompts.llm.structured_output import schema_of
from prompts.template import Reply


def fingerprint(endpoint: Endpoint, template: str, reply: type[Reply]) -> str:
    """Return what a reply depends on besides its fields, as one short text."""
    parts = [endpoint.identity, template, schema_of(reply)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def cache_key(
    endpoint: Endpoint, messages: Sequence[BaseMessage], reply: type[Reply], repeat: int
) -> tuple[str, str]:
    """Return LangChain's two keys: the prompt's text, and the model with its parameters."""
    schema = json.dumps(schema_of(reply), sort_keys=True)
    digest = sha256(schema.encode()).hexdigest()[:16]
    asked = json.dumps([[m.type, m.text] for m in messages])
    return asked, json.dumps([endpoint.identity, reply.__name__, digest, repeat])
