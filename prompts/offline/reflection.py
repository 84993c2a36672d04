"""The offline answers to AgentCF's reflections: the feedback of `gradient`, followed at once.

The fields are those that the baseline's prompts render; the prompts themselves are in `evals`,
which nothing below may import. Lexical.
"""

from prompts.gradient import GradientFields
from prompts.offline.gradient import Prediction
from prompts.offline.optimize_profile import optimize_profile
from prompts.offline.suggestions import Order, order, suggestion
from prompts.optimize import OptimizedProfile, OptimizeProfileFields
from prompts.predict import Option
from prompts.template import Fields, Reply
from state.domain import ClientKind

DROPPED = 3
"""The most tastes that a user drops because they spoke for what was not taken."""


class ReflectionRead(Fields):
    """One choice between two items, and which of them was really taken."""

    user: str
    options: tuple[Option, Option]
    chosen: str
    reason: str
    taken: str
    reward: int


class ItemsWritten(Reply):
    """The memories of the item that was taken, and of the other one."""

    taken: str
    other: str


def reflect_user(fields: ReflectionRead) -> OptimizedProfile:
    """Return the user's memory with what was taken, and without what led to a wrong choice."""
    prediction = _prediction(fields)
    misled = () if prediction.right else prediction.misled
    drop = order(Order.DROP, misled, limit=DROPPED)
    said = suggestion(prediction.feedback_to_user(fields.user), drop)
    return _follow(fields.user, said, ClientKind.USER, fields.reward)


def reflect_items(fields: ReflectionRead) -> ItemsWritten:
    """Return the items' memories; that of the other one only where the choice was wrong."""
    prediction = _prediction(fields)
    taken, other = (
        _follow(
            option.profile,
            prediction.feedback_to_item(option.profile, taken=option is prediction.taken),
            ClientKind.ITEM,
            fields.reward,
        ).profile
        for option in (prediction.taken, prediction.other)
    )
    return ItemsWritten(taken=taken, other="" if prediction.right else other)


def _prediction(fields: ReflectionRead) -> Prediction:
    read = fields.model_dump(exclude={"chosen"})
    return Prediction(GradientFields(**read, predicted=fields.chosen, modules=()))


def _follow(memory: str, said: str, kind: ClientKind, reward: int) -> OptimizedProfile:
    return optimize_profile(
        OptimizeProfileFields(kind=kind, profile=memory, reward=reward, suggestion=said)
    )
