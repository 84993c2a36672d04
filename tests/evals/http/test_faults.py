"""An endpoint that fails in every way it can, three replies in ten: the run does not notice."""

import pytest

from state.settings import Settings
from state.store.usage import add_totals, read_calls, sum_usage
from tests.support.database_rows import rows
from tests.support.http_network import bootstrap_books
from tests.support.model_server.faults import Fault
from tests.support.model_server.serving import RunningServer
from tests.support.model_server.settings import ModelServerSettings
from workflows.recnet import RecNet

FAULTY = ModelServerSettings(faults=0.3, seed=1, in_a_row=2, hang=8)
TIMEOUT = 3.0
HARMLESS = {Fault.PROSE, Fault.THINK}
"""Replies that are read at once: no faults to whoever asked."""
END_OF_THOUGHT = "No, it is not."
DECOY = "something else"


async def thoughts(recnet: RecNet, network: int) -> list[str]:
    """Return the thoughts of all calls, step by step."""
    steps = await rows(recnet, "SELECT DISTINCT step FROM usage WHERE network_id = %s", network)
    async with recnet.resources.pool.connection() as conn:
        calls = [call for s in steps for call in await read_calls(conn, network, s["step"])]
    return [call.thoughts for call in calls if call.thoughts]


@pytest.mark.slow
async def test_interactions_end_as_if_nothing_had_been(
    settings: Settings, endpoint: RunningServer, http: Settings, thorough: bool
) -> None:
    records = 100 if thorough else 25
    async with RecNet.open(settings) as recnet:
        await bootstrap_books(recnet)
        await recnet.network("books").train(limit=records)
        undisturbed = await recnet.network("books").digest()
        await recnet.network("books").drop()

    endpoint.settings = FAULTY
    async with RecNet.open(http.model_copy(update={"timeout": TIMEOUT})) as recnet:
        network = await bootstrap_books(recnet)
        report = await recnet.network("books").train(limit=records)
        assert (report.run, report.failed) == (records, 0)
        assert await recnet.network("books").digest() == undisturbed
        async with recnet.resources.pool.connection() as conn:
            paid = add_totals(await sum_usage(conn, network), "all")
        kept = await thoughts(recnet, network)
        decoys = await rows(
            recnet, "SELECT 1 FROM module_versions WHERE content LIKE %s", f"%{DECOY}%"
        )

    counts = endpoint.counts
    assert counts.faults.keys() == set(Fault)
    seen = {kind.value: times for kind, times in counts.faults.items() if kind not in HARMLESS}
    seen["timeout"] = seen.pop("hang")
    assert paid.faults == seen
    assert paid.bad == 0
    assert paid.calls + paid.embeddings == counts.requests
    assert 0.25 < sum(counts.faults.values()) / counts.requests < 0.35
    assert sum(text.count(END_OF_THOUGHT) for text in kept) == counts.faults[Fault.THINK]
    assert any(DECOY in text for text in kept)
    assert decoys == []
