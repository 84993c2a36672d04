"""Contexts: the configuration of one run. A network's settings are stored with it instead."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from state.domain import KEY_LENGTH, Frozen, clean_line
from state.settings import NetworkSettings

DESCRIBED = ConfigDict(use_attribute_docstrings=True)
"""For inputs and outputs: Studio's form shows the docstrings of their fields."""


def _printable(name: str) -> str:
    if clean_line(name, KEY_LENGTH) != name:
        raise ValueError("a name is one line of printable characters")
    return name


class NetworkContext(Frozen):
    """The network a run works on."""

    network: Annotated[str, AfterValidator(_printable)] = Field(
        default="default",
        min_length=1,
        max_length=KEY_LENGTH,
        description="Name of the network, as `recnet networks` lists it.",
        json_schema_extra={
            "langgraph_nodes": ["initialize_clients", "open_interaction", "view_clients"]
        },
    )


class BootstrapContext(NetworkSettings, NetworkContext):
    """The network to bootstrap, and its settings."""

    def network_settings(self) -> NetworkSettings:
        """Return the settings without the network's name."""
        return NetworkSettings.model_validate(self.model_dump(exclude={"network"}))
