"""Gradient (§2.4, Eq. 8): credit for one prediction, as feedback to every module that took part.

The feedback says what should change; the optimizers write it. Stored as `state.domain.Gradient`.
"""

from pydantic import Field

from prompts.predict import Option
from prompts.template import Fields, Prompt, Reply
from state.domain import ModuleKind, SuggestionText


class ModuleView(Fields):
    """A module that took part in the prediction."""

    name: str
    """`user profile`, `item profile A`, `filter memory of user`, `router 3`, …"""
    kind: ModuleKind
    text: str
    """A profile after reception, the rules of a filter memory (one a line), a router's message."""
    effect: str
    """What it did: for a router, who accepted its message, or which rule kept it out."""


class GradientFields(Fields):
    """One prediction, what really happened, and the modules behind it."""

    user: str
    options: tuple[Option, Option]
    predicted: str
    taken: str
    """The name of the option that the user really took."""
    reason: str
    """Why the prediction was made."""
    reward: int
    modules: tuple[ModuleView, ...]


class ModuleFeedback(Reply):
    """Feedback to one module."""

    module: str = Field(description="The name of the module, as given, such as `router 3`.")
    involved: bool = Field(description="Whether it helped or misled this prediction.")
    suggestion: SuggestionText = Field(
        description="What to change or to keep in it, and why, in at most 40 words; empty where it "
        "was not involved."
    )


class CreditAssignment(Reply):
    """One entry for each module that took part."""

    gradients: list[ModuleFeedback] = Field(description="Exactly one for each module.")


GRADIENT = Prompt("gradient", GradientFields, CreditAssignment)
