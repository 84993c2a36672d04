"""The offline answers to AgentCF's reflections: the feedback of `gradient`, followed at once.

What is read here is what the messages hold; the prompts themselves are a baseline's, which nothing
below `evals` imports. Lexical.
"""

from prompts.gradient import GradientFields, ModuleView
from prompts.offline.gradient import Case
from prompts.offline.optimize_profile import optimize_profile
from prompts.offline.suggestions import Order, order, suggestion
from prompts.optimize_profile import OptimizedProfile, OptimizeProfileFields
from prompts.predict import Option
from prompts.template import Fields, Reply
from state.domain import ClientKind, ModuleKind

DROPPED = 3
"""Tastes learned before that a user drops at most where they spoke for what was not taken."""


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
    case = _case(fields)
    part = ModuleView(
        name="user profile", kind=ModuleKind.USER_PROFILE, text=fields.user, effect=""
    )
    misled = () if case.right else case.misled
    said = suggestion(case.of_user(part), order(Order.DROP, misled, limit=DROPPED))
    return _followed(fields.user, said, ClientKind.USER, fields.reward)


def reflect_items(fields: ReflectionRead) -> ItemsWritten:
    """Return the items' memories; that of the other one only where the choice was wrong."""
    case = _case(fields)
    written = {}
    for option in (case.taken, case.other):
        part = ModuleView(
            name=f"item profile {option.name}",
            kind=ModuleKind.ITEM_PROFILE,
            text=option.profile,
            effect="",
        )
        said = case.of_item(part)
        written[option.name] = _followed(
            option.profile, said, ClientKind.ITEM, fields.reward
        ).profile
    other = "" if case.right else written[case.other.name]
    return ItemsWritten(taken=written[case.taken.name], other=other)


def _case(fields: ReflectionRead) -> Case:
    return Case(
        GradientFields(
            user=fields.user,
            options=fields.options,
            predicted=fields.chosen,
            taken=fields.taken,
            reason=fields.reason,
            reward=fields.reward,
            modules=(),
        )
    )


def _followed(memory: str, said: str, kind: ClientKind, reward: int) -> OptimizedProfile:
    return optimize_profile(
        OptimizeProfileFields(kind=kind, profile=memory, reward=reward, suggestion=said)
    )
