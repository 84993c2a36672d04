"""State of the `router_update` graph: gradients, new attributes, summaries, messages."""

import operator
from typing import Annotated, Literal

from typing_extensions import TypedDict

from state.domain import Client, ClientKind, Frozen, Gradient, Module, Reception
from state.graphs.interaction import ModuleChange
from state.settings import Merging, Propagation


class RouterDecision(Frozen):
    """What the optimizer decided about one router."""

    router: int
    base: int
    """The version it read."""
    action: Literal["keep", "rewrite", "split", "merge"]
    profiles: tuple[str, ...] = ()
    partner: int | None = None
    reason: str = ""
    failure: str = ""
    """Why there was no decision; the router is kept and its gradients are rejected."""


class ExtractedAttributes(Frozen):
    """The attributes found now in one client (Eq. 1), in the client's own phrases."""

    client: int
    attributes: tuple[str, ...]


class AssignedAttributes(Frozen):
    """The attributes that one router gets at this update: the `A_R` of Eq. 3 and 4."""

    router: int
    attributes: tuple[str, ...]
    """Most widely held first."""
    contributors: tuple[tuple[int, ...], ...]
    """For each attribute the clients in which it is new."""


class RouterChange(ModuleChange):
    """One router as this update will leave it; nothing is written before the commit."""

    attributes: tuple[str, ...]
    """All attributes it holds, newest first, bounded."""
    new_attributes: tuple[str, ...] = ()
    """Those assigned to it at this update; without any it sends no message."""
    parents: tuple[int, ...] = ()
    """The routers that retire in its favour."""

    @property
    def router(self) -> int:
        """Its number."""
        return self.module.owner

    @property
    def profile(self) -> str:
        """Its newest text; only where there is one."""
        return self.texts[-1][0]


class Summary(Frozen):
    """A router's profile after Eq. 3."""

    router: int
    profile: str


class Neighbour(Frozen):
    """A client near to another one."""

    client: int
    kind: ClientKind
    cosine: float


class PeerMessage(Frozen):
    """What a changed client sends to other clients without a router."""

    sender: Module
    """Its profile."""
    version: int
    recipients: tuple[Neighbour, ...]
    """Nearest first: the clients that may be chosen, then those that were."""
    body: str | None = None
    """What a model wrote; None for the whole profile."""


class RouterUpdateState(TypedDict, total=False):
    """The whole graph's state."""

    window: int | None
    """The claimed window."""
    members: list[int]
    """The clients of the claimed pending set."""
    propagation: Propagation
    """How messages reach clients, as the network's settings say."""
    reception: Merging
    """When messages are merged, as the network's settings say."""
    pending_gradients: list[Gradient]
    """Each with the active router that answers for it in `applied_to`."""
    decisions: Annotated[list[RouterDecision], operator.add]
    extracted: Annotated[list[ExtractedAttributes], operator.add]
    restructured: list[RouterChange]
    """Routers whose text or structure the optimizer changed, before attributes are assigned."""
    assigned: list[AssignedAttributes]
    summaries: Annotated[list[Summary], operator.add]
    peer_messages: Annotated[list[PeerMessage], operator.add]
    """Matches by embedding, then what models made of them; of one sender the last one counts."""
    recipients_to_merge: list[Client]
    """With reception on delivery: the recipients, with their buffers as they will be."""
    merged: Annotated[list[Reception], operator.add]
    """The merges of those; where one failed the messages stay in the buffer."""
    recipients: int
    """The number of clients that were sent a message."""


class RouterUpdateOutput(TypedDict, total=False):
    """What `router_update` returns: no key with a reducer."""

    recipients: int


class OptimizeRouterTask(TypedDict):
    """One router with pending gradients."""

    step: str
    router: int
    gradients: list[Gradient]


class PeerTask(TypedDict):
    """One changed client, and the clients it may send to."""

    step: str
    message: PeerMessage


class ExtractTask(TypedDict):
    """One client whose attributes are to be found."""

    step: str
    client: int


class SummarizeTask(TypedDict):
    """One router with new attributes."""

    step: str
    router: int
    profile: str | None
    """The router's text where this update changed it; None to read the stored one."""
    attributes: tuple[str, ...]
