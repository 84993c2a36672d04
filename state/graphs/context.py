"""Contexts: what belongs to one run. What shapes a network is stored with it instead."""

from pydantic import ConfigDict, Field

from state.domain import Frozen
from state.settings import NetworkSettings

DESCRIBED = ConfigDict(use_attribute_docstrings=True)
"""For inputs and outputs: the docstrings of their fields stand beside them in Studio's form."""


class NetworkContext(Frozen):
    """The network a run works on."""

    network: str = Field(
        default="default",
        min_length=1,
        max_length=200,
        description="Name of the network, as `recnet networks` lists it.",
        json_schema_extra={
            "langgraph_nodes": ["found_clients", "open_interaction", "view_clients"]
        },
    )


class BootstrapContext(NetworkSettings, NetworkContext):
    """The network to bootstrap, and everything that shapes it from then on."""

    def shape(self) -> NetworkSettings:
        """Return the settings without the network's name."""
        return NetworkSettings.model_validate(self.model_dump(exclude={"network"}))
