"""Settings of the model server: key, models, latency and faults."""

from enum import StrEnum

from pydantic import Field

from state.domain import Frozen
from tests.support.model_server.faults import Fault


class Means(StrEnum):
    """How a request names the schema of the reply that it asks for."""

    JSON_SCHEMA = "json_schema"
    """`response_format`"""
    FUNCTION_CALLING = "function_calling"
    """A tool, with a `tool_choice`."""
    TEXT = "text"
    """A JSON schema with a title in the system message."""


class ModelServerSettings(Frozen):
    """How the server answers; by default every request at once and without faults.

    Faults are drawn by (`seed`, the call, how often it was asked), so they do not depend on the
    order in which requests arrive.
    """

    latency: float = Field(default=0.0, ge=0, description="Seconds before each reply.")
    key: str | None = Field(default=None, description="The key to ask for; unset lets anyone in.")
    models: tuple[str, ...] = Field(
        default=(), description="Model names that are known; none given knows any."
    )
    means: frozenset[Means] = Field(default=frozenset(Means), description="What is supported.")
    ignore_unsupported: bool = Field(
        default=False, description="Answer with prose what is not supported, instead of a refusal."
    )
    faults: float = Field(default=0.0, ge=0, le=1, description="Share of replies that are faulty.")
    kinds: frozenset[Fault] = Field(
        default=frozenset(Fault), description="The faults that are drawn from."
    )
    seed: int = Field(default=0, ge=0, description="Keys the faults.")
    in_a_row: int | None = Field(
        default=2, ge=1, description="Faults in a row for one call, at most; unset has no bound."
    )
    retry_after: float = Field(
        default=0.0, ge=0, description="Seconds that a busy reply asks to wait."
    )
    hang: float = Field(default=60.0, ge=0, description="Seconds that a hanging reply takes more.")
