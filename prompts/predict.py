"""Predict `i_o`: which of two items the user will take."""

from typing import Literal

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import ReasonText

Choice = Literal["A", "B"]


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

    reason: ReasonText = Field(description="What in the profile speaks for it.")
    choice: Choice


PREDICT = Prompt("predict", PredictFields, Predict)
