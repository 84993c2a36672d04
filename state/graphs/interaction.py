"""State of the `interaction` graph and its subgraphs `forward` and `backward` (Algorithm 1)."""

import operator
from typing import Annotated, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from state.domain import Client, ClientKind, Frozen, Gradient, Module, Reception
from state.graphs.context import DESCRIBED
from state.store.versions import Author


class Rewrite(Frozen):
    """The text an optimizer wrote for a module (Eq. 9), and the text it started from."""

    module: Module
    before: str
    after: str


class ModuleChange(Frozen):
    """The new texts of one module, on top of the version that was read."""

    module: Module
    base: int = 0
    """The version it starts from; 0 for a new router."""
    texts: tuple[tuple[str, Author], ...] = ()
    """Oldest first; none where the text stays."""

    @property
    def version(self) -> int:
        """The version the module has afterwards."""
        return self.base + len(self.texts)


@with_config(DESCRIBED)
class InteractionInput(TypedDict):
    """One record `(u, i+, i-)` of Algorithm 1."""

    user: str
    """Key of the user."""
    positive: str
    """Key of the item the user took."""
    negative: str
    """Key of an item the user did not take."""
    interaction: NotRequired[str]
    """Id of the record. Run again under the same one, it returns the committed result.
    Without one, a new id is created and returned."""


@with_config(DESCRIBED)
class InteractionOutput(TypedDict, total=False):
    """The outcome of the record."""

    interaction: str
    """Its id."""
    predicted: str
    """Key of the item that was predicted (`i_o`)."""
    reward: int
    """1 where the prediction was right (`L`)."""
    reason: str
    """Why it was predicted."""
    repeated: bool
    """True where the record had been learned from before and nothing was done now."""
    failure: str
    """Why the record could not be learned from; else empty."""
    window: int | None
    """The window whose router update this record started."""


class InteractionState(InteractionInput, InteractionOutput, total=False):
    """The whole graph's state; the subgraphs share its keys."""

    clients: list[Client]
    """User, positive and negative, as they were read."""
    receptions: list[Reception]
    """`P_c^pro` of the three, in the same order."""


class ForwardOutput(TypedDict, total=False):
    """What `forward` returns."""

    clients: list[Client]
    receptions: list[Reception]
    predicted: str
    reward: int
    reason: str


class ForwardState(ForwardOutput, total=False):
    """State of `forward`."""

    interaction: str
    user: str
    positive: str
    negative: str
    merged: Annotated[list[Reception], operator.add]
    """The receptions of the clients that had messages, in any order."""


class MergeTask(TypedDict):
    """One client whose buffer holds messages, and the step that counts the call."""

    step: str
    client: Client


class BackwardOutput(TypedDict, total=False):
    """What `backward` returns: the outcome as committed, by this run or an earlier one."""

    predicted: str
    reward: int
    reason: str
    window: int | None


class BackwardState(BackwardOutput, total=False):
    """State of `backward`."""

    interaction: str
    clients: list[Client]
    receptions: list[Reception]
    gradients: list[Gradient]
    rewrites: Annotated[list[Rewrite], operator.add]
    """All rewrites so far; after a conflict only those that start from the newest text count."""
    rounds: int
    """How often the commit met a newer version of a module."""
    committed: bool


class OptimizeTask(TypedDict):
    """One gradient and the text that it asks to change."""

    step: str
    gradient: Gradient
    kind: ClientKind
    """The kind of the client that owns the module."""
    text: str
