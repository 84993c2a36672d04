"""State of the `bootstrap` graph: first profiles and rules, attributes, clusters, routers."""

import operator
from typing import Annotated

from pydantic import with_config
from typing_extensions import TypedDict

from state.graphs.context import DESCRIBED
from state.graphs.router_update import AssignedAttributes, ExtractedAttributes, Summary


@with_config(DESCRIBED)
class BootstrapInput(TypedDict):
    """Nothing: the context holds the network's name and settings."""


@with_config(DESCRIBED)
class BootstrapOutput(TypedDict, total=False):
    """The size of the bootstrapped network."""

    clients: int
    routers: int
    tau_user: float
    tau_item: float


class BootstrapState(BootstrapInput, BootstrapOutput, total=False):
    """The whole graph's state."""

    extracted: Annotated[list[ExtractedAttributes], operator.add]
    clusters: list[AssignedAttributes]
    """One for each router, with the clients that hold its attributes."""
    summaries: Annotated[list[Summary], operator.add]
