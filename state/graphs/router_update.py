"""State of the `router_update` graph: gradients, new attributes, summaries, delivery."""

import operator
from typing import Annotated, Literal

from typing_extensions import TypedDict

from state.domain import Client, ClientKind, Frozen, Module, Reception
from state.settings import Merging, Propagation


class Feedback(Frozen):
    """One pending gradient of a router, known by the interaction and router it named."""

    router: int
    """The active router that answers for it."""
    interaction: str
    named: int
    """The router the gradient names; it may have retired since."""
    reward: int
    suggestion: str


class RouterDecision(Frozen):
    """What the optimizer made of one router."""

    router: int
    base: int
    """The version it read."""
    action: Literal["keep", "rewrite", "split", "merge"]
    profiles: tuple[str, ...]
    partner: int | None
    reason: str
    failure: str = ""
    """Why there was no decision; the router is kept and its gradients are rejected."""


class ExtractedAttributes(Frozen):
    """The attributes found now in one client (`A_t`), in the client's own phrases."""

    client: int
    attributes: tuple[str, ...]


class RouterDraft(Frozen):
    """A router as this update will leave it; nothing is written before the commit."""

    router: int
    base: int
    """The version it starts from; 0 for a router that is founded now."""
    profile: str
    attributes: tuple[str, ...]
    """`A_R` before this update takes any in, newest first."""
    author: Literal["gradient", "split", "merge"]
    """What changed the text before attributes were taken in."""
    parents: tuple[int, ...] = ()
    """The routers that retire in its favour."""


class Intake(Frozen):
    """What one router takes in at this update."""

    router: int
    attributes: tuple[str, ...]
    """Most widely held first; the `A_R` of Eq. 4."""
    contributors: tuple[tuple[int, ...], ...]
    """For each attribute the clients in which it is new."""


class Summary(Frozen):
    """A router's profile after Eq. 3."""

    router: int
    profile: str


class Neighbour(Frozen):
    """A client near to another one."""

    client: int
    kind: ClientKind
    cosine: float


class PeerMatch(Frozen):
    """A changed client that speaks for itself, and the clients nearest to it."""

    sender: Module
    """Its profile."""
    version: int
    near: tuple[Neighbour, ...]
    """Nearest first."""


class PeerChoice(Frozen):
    """Whom a changed client tells, and what, as a model chose."""

    sender: Module
    recipients: tuple[int, ...]
    body: str | None = None
    """What the model wrote to be told; None for the whole profile."""


class RouterUpdateState(TypedDict, total=False):
    """The whole graph's state."""

    window: int | None
    """The claimed window."""
    members: list[int]
    """The clients of the claimed pending set."""
    propagation: Propagation
    reception: Merging
    """How what is said travels and when it is merged, as the network's settings say."""
    feedback: list[Feedback]
    """Pending gradients, each with the active router that answers for it."""
    decisions: Annotated[list[RouterDecision], operator.add]
    extracted: Annotated[list[ExtractedAttributes], operator.add]
    drafts: list[RouterDraft]
    """Routers whose text or structure the optimizer changed."""
    intakes: list[Intake]
    summaries: Annotated[list[Summary], operator.add]
    matches: list[PeerMatch]
    """From client to client: who may be told by whom, by embeddings."""
    choices: Annotated[list[PeerChoice], operator.add]
    """What models made of the matches; of one sender the last one counts."""
    hearers: list[Client]
    """With reception on delivery: the clients that will hear, their messages in the buffer."""
    merged: Annotated[list[Reception], operator.add]
    """Their merges; where one failed the messages stay in the buffer."""
    recipients: int
    """Clients that were sent a message."""


class RouterUpdateOutput(TypedDict, total=False):
    """What `router_update` hands on: no key with a reducer."""

    recipients: int


class OptimizeRouterTask(TypedDict):
    """One router with pending gradients."""

    step: str
    router: int
    feedback: list[Feedback]


class ChooseTask(TypedDict):
    """One changed client, and those it may tell, or is to tell."""

    step: str
    match: PeerMatch


class ExtractTask(TypedDict):
    """One client whose attributes are to be found."""

    step: str
    client: int


class SummarizeTask(TypedDict):
    """One router that takes in attributes."""

    step: str
    router: int
    profile: str | None
    """The router's text where this update drafted one; else the stored one is read."""
    attributes: tuple[str, ...]
