"""A bootstrap that was stopped goes on where it was, and nothing else does before."""

import pytest

from state.errors import NetworkError
from tests.support.tiny_network import NETWORK_SETTINGS, load_tiny
from workflows.recnet import RecNet


async def test_a_bootstrap_that_was_stopped_is_to_go_on_before_anything_else(
    recnet: RecNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load_tiny(recnet)

    async def power_cut(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("nodes.bootstrap.write_tau", power_cut)
        with pytest.raises(OSError, match="power cut"):
            await recnet.network("tiny").bootstrap(NETWORK_SETTINGS)
    stopped = "the bootstrap of network 'tiny' was stopped: run `recnet bootstrap --network tiny`"
    with pytest.raises(NetworkError, match=stopped):
        await recnet.network("tiny").train()
    with pytest.raises(NetworkError, match=stopped):
        await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1")
    with pytest.raises(NetworkError, match=stopped):
        await recnet.network("tiny").recommend(user="ann")
    with pytest.raises(NetworkError, match=stopped):
        await recnet.network("tiny").copy("other")
    await recnet.network("tiny").bootstrap(NETWORK_SETTINGS)
    assert (await recnet.network("tiny").train(limit=1)).run == 1
