"""AgentCF's two reflections on a choice: the user agent's, then that of the two item agents.

The choice uses RecNet's own `predict` prompt, and ranking its `rank` prompt, so that the two differ
in what they learn and not in how they are asked.
"""

from pathlib import Path

from pydantic import Field

from prompts.predict import Option
from prompts.template import Fields, Prompt, Reply
from state.domain import ProfileText, WrittenProfile

_TEMPLATES = Path(__file__).parent / "templates"


class ReflectionFields(Fields):
    """One choice between two items, and which of them the user really took."""

    user: str
    """The user agent's memory; the item agents read what it has become."""
    options: tuple[Option, Option]
    """The items as they were shown, each with its agent's memory."""
    chosen: str
    """The name of the option that the user agent chose."""
    reason: str
    """Why it did."""
    taken: str
    """The name of the option that the user really took."""
    reward: int
    """1 where the two are one."""


class UserMemory(Reply):
    """The user agent's memory after a choice."""

    profile: WrittenProfile = Field(
        description="The whole memory, rewritten; at most 150 words.", min_length=1
    )


class ItemMemories(Reply):
    """The item agents' memories after a choice."""

    taken: WrittenProfile = Field(
        description="The whole memory of the item that was taken, rewritten; at most 100 words.",
        min_length=1,
    )
    other: ProfileText = Field(
        description="The same of the other item; empty where the choice was right."
    )


REFLECT_USER = Prompt("agentcf_user", ReflectionFields, UserMemory, _TEMPLATES)
REFLECT_ITEMS = Prompt("agentcf_items", ReflectionFields, ItemMemories, _TEMPLATES)
PROMPTS = (REFLECT_USER, REFLECT_ITEMS)
