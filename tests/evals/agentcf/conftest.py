"""A tiny network founded for AgentCF, its model under watch."""

import pytest

from evals.agentcf.training import AgentCF, found_agentcf
from nodes.resources import Resources
from tests.workflows.conftest import model, resources
from tests.worlds import found
from workflows.recnet import RecNet

__all__ = ["model", "resources"]


@pytest.fixture
async def agents(recnet: RecNet, resources: Resources) -> AgentCF:
    """Return AgentCF on the network `agents`, a copy of the bootstrapped `tiny`."""
    await found(recnet)
    await found_agentcf(recnet, "tiny", "agents")
    return AgentCF(resources)
