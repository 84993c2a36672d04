"""A tiny network founded for AgentCF, its model under watch."""

import pytest

from evals.baselines.agentcf.training import copy_for_agentcf
from tests.support.tiny_network import bootstrap_tiny
from tests.support.watched_resources import model, resources
from workflows.recnet import RecNet

__all__ = ["model", "resources"]


@pytest.fixture
async def agents(recnet: RecNet) -> RecNet:
    """Return the open database, with the network `agents` beside `tiny`, which it is a copy of."""
    await bootstrap_tiny(recnet)
    await copy_for_agentcf(recnet, "tiny", "agents")
    return recnet
