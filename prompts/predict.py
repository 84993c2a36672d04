"""Predict (§2.4, Eq. 6): `i_o`, which of two items the user will take."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from prompts.template import Fields, Prompt, Reply
from state.domain import ReasonText


def _known(name: object) -> object:
    """Raise PydanticCustomError, whose type is the fault, for a name that no option has."""
    if name not in ("A", "B"):
        raise PydanticCustomError("unknown_item", "the choice must be A or B")
    return name


Choice = Annotated[Literal["A", "B"], BeforeValidator(_known)]


class Option(Fields):
    """An item under a name that says nothing about it."""

    name: str
    title: str
    profile: str


class PredictFields(Fields):
    """The user's propagated profile and two items in random order."""

    user: str
    options: tuple[Option, Option]


class Predict(Reply):
    """The item the user will take."""

    reason: ReasonText = Field(
        description="One sentence: what in the profiles speaks for the choice; or nothing does."
    )
    choice: Choice = Field(description="The name of the chosen option.")


PREDICT = Prompt("predict", PredictFields, Predict)
