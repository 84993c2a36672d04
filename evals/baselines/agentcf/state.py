"""State and context of the `agentcf` graph."""

from pydantic import Field
from typing_extensions import TypedDict

from state.domain import Client
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput, InteractionOutput


class AgentCFContext(NetworkContext):
    """The network, and how patient its agents are."""

    rounds: int = Field(
        default=2, ge=1, le=10, description="Choices at the most; each wrong one is reflected on."
    )


class ReflectionState(TypedDict, total=False):
    """State of `reflect`: choices between two items, and what their three agents make of them."""

    interaction: str
    clients: list[Client]
    """User, positive and negative, as they were read; their profiles are the agents' memories."""
    written: list[list[str]]
    """For each of the three the memories it wrote since, oldest first."""
    round: int
    """Choices made."""
    chosen: int
    """The place among the clients of the item chosen last: 1, the positive, or 2."""
    why: str
    """The reason of the last choice."""
    conflicts: int
    """How often the commit met newer memories."""
    committed: bool
    predicted: str
    reward: int
    reason: str
    """The three of the first choice, which nothing of this record had taught."""


class ReflectionOutput(TypedDict, total=False):
    """What `reflect` hands on: the outcome as committed, by this run or before it."""

    predicted: str
    reward: int
    reason: str


class AgentCFState(InteractionInput, InteractionOutput, total=False):
    """The whole graph's state."""

    clients: list[Client]
