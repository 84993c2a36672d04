"""State and context of the `agentcf` graph."""

from pydantic import Field
from typing_extensions import TypedDict

from state.domain import Client
from state.graphs.context import NetworkContext


class AgentCFContext(NetworkContext):
    """The network, and the number of choices for a record."""

    rounds: int = Field(
        default=2, ge=1, le=10, description="Choices at most; each wrong one is reflected on."
    )


class ReflectionState(TypedDict, total=False):
    """State of `reflect`: choices between two items, and the memories written after them."""

    interaction: str
    clients: list[Client]
    """User, positive and negative as read; their profiles are the agents' memories."""
    written: list[list[str]]
    """For each of the three the memories written since, oldest first."""
    round: int
    """Choices made so far."""
    chosen: int
    """The index in `clients` of the item chosen last: 1, the positive, or 2."""
    why: str
    """The reason of the last choice."""
    conflicts: int
    """How often the commit met newer memories."""
    committed: bool
    predicted: str
    reward: int
    reason: str
    """These three are of the first choice, before anything was learned from this record."""
