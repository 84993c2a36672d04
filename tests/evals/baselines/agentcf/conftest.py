"""A tiny network founded for AgentCF, its model under watch."""

import pytest

from evals.baselines.agentcf.training import AgentCF, found_agentcf
from nodes.resources import Resources
from tests.support.tiny_network import bootstrap_tiny
from tests.support.watched_resources import model, resources
from workflows.recnet import RecNet

__all__ = ["model", "resources"]


@pytest.fixture
async def agents(recnet: RecNet, resources: Resources) -> AgentCF:
    """Return AgentCF on the network `agents`, a copy of the bootstrapped `tiny`."""
    await bootstrap_tiny(recnet)
    await found_agentcf(recnet, "tiny", "agents")
    return AgentCF(resources)
