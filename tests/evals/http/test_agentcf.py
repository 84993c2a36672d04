"""AgentCF asks by the same way as RecNet: faults are outlasted, and replies are kept."""

import pytest

from evals.baselines.agentcf.training import copy_for_agentcf, train_agentcf
from state.settings import Settings
from tests.support.model_server.faults import Fault
from tests.support.model_server.serving import RunningServer
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import bootstrap_tiny
from workflows.recnet import RecNet


async def agents_digest(settings: Settings) -> tuple[str, int]:
    """Found and train a tiny network, drop it, and return its digest and the calls it paid for."""
    async with RecNet.open(settings) as recnet:
        await bootstrap_tiny(recnet)
        await copy_for_agentcf(recnet, "tiny", "agents")
        report = await train_agentcf(recnet, "agents")
        assert (report.run, report.failed) == (12, 0)
        digest = await recnet.network("agents").digest()
        for name in ("tiny", "agents"):
            await recnet.network(name).drop()
    return digest, sum(used.calls for used in report.usage)


@pytest.mark.slow
@pytest.mark.usefixtures("no_replies")
async def test_a_faulty_endpoint_gives_the_same_network_and_is_paid_once(
    settings: Settings, endpoint: RunningServer, http: Settings
) -> None:
    digest, calls = await agents_digest(settings)
    kinds = frozenset(Fault) - {Fault.HANG}
    endpoint.settings = ModelServerSettings(faults=0.3, kinds=kinds, seed=1)
    kept = http.model_copy(update={"cache": True})
    faulty = await agents_digest(kept)
    assert faulty[0] == digest
    assert faulty[1] > calls  # what came to nothing is paid too
    assert {"UserMemory", "ItemMemories"} <= endpoint.counts.asked.keys()
    assert await agents_digest(kept) == (digest, 0)
